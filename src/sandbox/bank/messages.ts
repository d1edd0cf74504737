import { formatMinor, type Money, money } from '../../kernel/money.ts'
import { CAMT_053, CAMT_054 } from '../../platform/iso20022/camt.ts'
import { PAIN_002 } from '../../platform/iso20022/pain.ts'
import { accountId, type Payments } from '../../platform/iso20022/payments.ts'
import { type Element, writeMessage } from '../../platform/iso20022/write.ts'
import type { Booked, Day, Verdict } from './books.ts'

/** What becomes of a file: all of it accepted, or which of its payments not (AM05: a duplicate). */
export function writeStatus({ id, payments }: Payments, verdicts: ReadonlyMap<string, Verdict>): Buffer {
  const rejected = [...verdicts].filter(([, verdict]) => verdict !== 'accepted')
  const group = rejected.length === 0 ? 'ACSC' : rejected.length === payments.length ? 'RJCT' : 'PART'
  return writeMessage(PAIN_002, [
    [
      'CstmrPmtStsRpt',
      [
        [
          'GrpHdr',
          [
            ['MsgId', `S-${id}`.slice(0, 35)],
            ['CreDtTm', new Date().toISOString()],
          ],
        ],
        [
          'OrgnlGrpInfAndSts',
          [
            ['OrgnlMsgId', id],
            ['OrgnlMsgNmId', 'pain.001.001.09'],
            ['GrpSts', group],
          ],
        ],
        ['OrgnlPmtInfAndSts', [['OrgnlPmtInfId', id], ...[...verdicts].map(statusOf)]],
      ],
    ],
  ])
}

function statusOf([payment, verdict]: readonly [string, Verdict]): Element {
  const rejected: readonly Element[] = [
    ['TxSts', 'RJCT'],
    ['StsRsnInf', [['Rsn', [['Cd', 'AM05']]]]],
  ]
  return ['TxInfAndSts', [['OrgnlEndToEndId', payment], ...(verdict === 'accepted' ? [accepted] : rejected)]]
}

const accepted: Element = ['TxSts', 'ACSC']

/** A day on an account, as a camt.053. */
export function writeStatement(day: Day): Buffer {
  const balances = [balance('OPBD', day, day.opening, day.from), balance('CLBD', day, day.closing, day.to)]
  return writeMessage(CAMT_053, [
    ['BkToCstmrStmt', [header(`M-${day.id}`), ['Stmt', [...report(day), ...balances, ...day.booked.map(entry)]]]],
  ])
}

/** What was booked since the last statement, as a camt.054. */
export function writeNotification(day: Day): Buffer {
  return writeMessage(CAMT_054, [
    ['BkToCstmrDbtCdtNtfctn', [header(`N-${day.id}`), ['Ntfctn', [...report(day), ...day.booked.map(entry)]]]],
  ])
}

function header(id: string): Element {
  return [
    'GrpHdr',
    [
      ['MsgId', id],
      ['CreDtTm', new Date().toISOString()],
    ],
  ]
}

function report({ id, account, currency, number, from, to }: Day): readonly Element[] {
  return [
    ['Id', id],
    ['ElctrncSeqNb', String(number)],
    ['CreDtTm', to.toISOString()],
    [
      'FrToDt',
      [
        ['FrDtTm', from.toISOString()],
        ['ToDtTm', to.toISOString()],
      ],
    ],
    [
      'Acct',
      [
        ['Id', accountId(account)],
        ['Ccy', currency],
      ],
    ],
  ]
}

function balance(code: string, { currency }: Day, minor: bigint, at: Date): Element {
  return [
    'Bal',
    [
      ['Tp', [['CdOrPrtry', [['Cd', code]]]]],
      amountOf(money(currency, minor < 0n ? -minor : minor)),
      ['CdtDbtInd', minor < 0n ? 'DBIT' : 'CRDT'],
      ['Dt', [['DtTm', at.toISOString()]]],
    ],
  ]
}

function amountOf(amount: Money): Element {
  return ['Amt', formatMinor(amount), { Ccy: amount.currency }]
}

function entry({ direction, amount, reference, party, returned, at }: Booked, index: number): Element {
  const date: readonly Element[] = [['Dt', at.toISOString().slice(0, 10)]]
  return [
    'Ntry',
    [
      ['NtryRef', String(index + 1)],
      amountOf(amount),
      ['CdtDbtInd', direction === 'debit' ? 'DBIT' : 'CRDT'],
      ['Sts', [['Cd', 'BOOK']]],
      ['BookgDt', date],
      ['ValDt', date],
      ['BkTxCd', [['Prtry', [['Cd', returned ? 'RETURN' : 'PAYMENT']]]]],
      [
        'NtryDtls',
        [
          [
            'TxDtls',
            [
              ...(reference === null ? [] : [['Refs', [['EndToEndId', reference]]] satisfies Element]),
              ['RltdPties', [['CdtrAcct', [['Id', accountId(party)]]]]],
              ...(returned ? [['RtrInf', [['Rsn', [['Cd', 'AC04']]]]] satisfies Element] : []),
            ],
          ],
        ],
      ],
    ],
  ]
}
