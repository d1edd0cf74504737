import { formatMinor, money } from '../../src/kernel/money.ts'
import { CAMT_053, CAMT_054 } from '../../src/platform/iso20022/camt.ts'
import { type Element, writeUnchecked } from '../../src/platform/iso20022/write.ts'

/** A line of a bank's statement, as a test wants it told; amounts in minor units of CNY. */
export type ToldLine = {
  readonly amount: bigint
  readonly reference?: string | null
  readonly party?: string | null
  readonly direction?: 'debit' | 'credit'
  readonly returned?: boolean
  readonly on?: string
}

const OPENING = 100_000_000_000n

/** A camt.053 of these lines, sound in itself. `name` is the bank's own for it. */
export function statementXml(
  name: string,
  lines: readonly ToldLine[],
  { account = 'TIDEGATE-MAIN', from = '2026-03-01T00:00:00Z', to = '2026-03-31T00:00:00Z', opening = OPENING } = {},
): Buffer {
  const moved = lines.reduce((sum, { amount, direction }) => sum + (direction === 'credit' ? amount : -amount), 0n)
  return writeUnchecked(CAMT_053, [
    [
      'BkToCstmrStmt',
      [
        [
          'GrpHdr',
          [
            ['MsgId', `M-${name}`],
            ['CreDtTm', to],
          ],
        ],
        [
          'Stmt',
          [
            ['Id', name],
            [
              'FrToDt',
              [
                ['FrDtTm', from],
                ['ToDtTm', to],
              ],
            ],
            ['Acct', [['Id', [['Othr', [['Id', account]]]]]]],
            balance('OPBD', opening, from),
            balance('CLBD', opening + moved, to),
            ...lines.map(entry),
          ],
        ],
      ],
    ],
  ])
}

/** A camt.054 of these lines, by its name. */
export function notificationXml(name: string, lines: readonly ToldLine[]): Buffer {
  const account: Element = ['Acct', [['Id', [['Othr', [['Id', 'TIDEGATE-MAIN']]]]]]]
  const header: Element[] = [
    ['MsgId', `M-${name}`],
    ['CreDtTm', '2026-03-01T12:00:00Z'],
  ]
  return writeUnchecked(CAMT_054, [
    [
      'BkToCstmrDbtCdtNtfctn',
      [
        ['GrpHdr', header],
        ['Ntfctn', [['Id', name], account, ...lines.map(entry)]],
      ],
    ],
  ])
}

function balance(code: string, minor: bigint, at: string): Element {
  return [
    'Bal',
    [
      ['Tp', [['CdOrPrtry', [['Cd', code]]]]],
      ['Amt', formatMinor(money('CNY', minor < 0n ? -minor : minor)), { Ccy: 'CNY' }],
      ['CdtDbtInd', minor < 0n ? 'DBIT' : 'CRDT'],
      ['Dt', [['DtTm', at]]],
    ],
  ]
}

function entry({
  amount,
  reference = null,
  party = null,
  direction = 'debit',
  returned,
  on = '2026-03-01',
}: ToldLine): Element {
  const details: Element[] = [
    ...(reference === null ? [] : [['Refs', [['EndToEndId', reference]]] satisfies Element]),
    ...(party === null ? [] : [['RltdPties', [['CdtrAcct', [['Id', [['Othr', [['Id', party]]]]]]]]] satisfies Element]),
    ...(returned === true ? [['RtrInf', [['Rsn', [['Cd', 'AC04']]]]] satisfies Element] : []),
  ]
  return [
    'Ntry',
    [
      ['Amt', formatMinor(money('CNY', amount)), { Ccy: 'CNY' }],
      ['CdtDbtInd', direction === 'debit' ? 'DBIT' : 'CRDT'],
      ['Sts', [['Cd', 'BOOK']]],
      ['BookgDt', [['Dt', on]]],
      ['BkTxCd', []],
      ['NtryDtls', [['TxDtls', details]]],
    ],
  ]
}
