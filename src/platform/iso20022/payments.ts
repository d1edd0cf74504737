import { formatMinor, type Money, parseMoney } from '../../kernel/money.ts'
import { PAIN_001 } from './pain.ts'
import { nodeAt, nodesAt, readMessage, textAt } from './read.ts'
import { type Element, writeMessage } from './write.ts'

/** One payment of a file. `account` is the bank's own name for where the money goes, or an IBAN. */
export type Payment = { readonly id: string; readonly account: string; readonly name: string; readonly amount: Money }

export type Payments = {
  readonly id: string
  /** RFC 3339. */
  readonly createdAt: string
  /** The calendar day on which they are to be made. */
  readonly on: string
  readonly payer: { readonly name: string; readonly account: string }
  readonly payments: readonly Payment[]
}

const FILE_BYTES_MAX = 8_388_608
export const PAYMENTS_MAX = 1_000
/** Eighteen digits in all, `totalDigits` of a CtrlSum: what the payments of one file may come to, in minor units. */
const SUM_MINOR_MAX = 999_999_999_999_999_999n

/** The first of these that may stand in one file together: as many, and as much, as it may have. */
export function fittingInOneFile<T extends Pick<Payment, 'amount'>>(payments: readonly T[]): readonly T[] {
  let sum = 0n
  return payments.slice(0, PAYMENTS_MAX).filter(({ amount }) => {
    sum += amount.minor
    return sum <= SUM_MINOR_MAX
  })
}

/** Writes a pain.001 of one instruction, in one currency. @throws AssertionFailed where a text is not one that it may have */
export function writePayments({ id, createdAt, on, payer, payments }: Payments): Buffer {
  const currency = payments[0]?.amount.currency ?? ''
  const sum = decimalOf(payments.map(({ amount }) => amount))
  const count = String(payments.length)
  return writeMessage(PAIN_001, [
    [
      'CstmrCdtTrfInitn',
      [
        [
          'GrpHdr',
          [
            ['MsgId', id],
            ['CreDtTm', createdAt],
            ['NbOfTxs', count],
            ['CtrlSum', sum],
            ['InitgPty', [['Nm', payer.name]]],
          ],
        ],
        [
          'PmtInf',
          [
            ['PmtInfId', id],
            ['PmtMtd', 'TRF'],
            ['NbOfTxs', count],
            ['CtrlSum', sum],
            ['ReqdExctnDt', [['Dt', on]]],
            ['Dbtr', [['Nm', payer.name]]],
            [
              'DbtrAcct',
              [
                ['Id', accountId(payer.account)],
                ['Ccy', currency],
              ],
            ],
            ['DbtrAgt', [['FinInstnId', [['Othr', [['Id', 'NOTPROVIDED']]]]]]],
            ...payments.map(transaction),
          ],
        ],
      ],
    ],
  ])
}

function transaction({ id, account, name, amount }: Payment): Element {
  return [
    'CdtTrfTxInf',
    [
      ['PmtId', [['EndToEndId', id]]],
      ['Amt', [['InstdAmt', formatMinor(amount), { Ccy: amount.currency }]]],
      ['Cdtr', [['Nm', name]]],
      ['CdtrAcct', [['Id', accountId(account)]]],
    ],
  ]
}

/** An account as messages name it: by its IBAN, where it is one. */
export function accountId(account: string): readonly Element[] {
  return /^[A-Z]{2}\d{2}[A-Z0-9]{1,30}$/.test(account) ? [['IBAN', account]] : [['Othr', [['Id', account]]]]
}

/** Reads a pain.001; a text says why it is none that can be carried out. Counts and sums have to be right. */
export function readPayments(bytes: Uint8Array): Payments | string {
  const read = readMessage(PAIN_001, bytes, FILE_BYTES_MAX)
  if (read.kind === 'refused') return read.detail
  const message = nodeAt(read.document, 'CstmrCdtTrfInitn')
  const instructions = message === null ? [] : nodesAt(message, 'PmtInf')
  const [instruction] = instructions
  if (message === null || instruction === undefined || instructions.length > 1) return 'has not one PmtInf'
  const payments: Payment[] = []
  for (const node of nodesAt(instruction, 'CdtTrfTxInf')) {
    const amount = nodeAt(node, 'Amt', 'InstdAmt')
    const money =
      amount === null ? 'malformed' : parseMoney({ currency: amount.attributes['Ccy'] ?? '', value: amount.text })
    const id = textAt(node, 'PmtId', 'EndToEndId') ?? ''
    const account = textAt(node, 'CdtrAcct', 'Id', 'IBAN') ?? textAt(node, 'CdtrAcct', 'Id', 'Othr', 'Id')
    if (typeof money === 'string' || money.minor <= 0n) return `${id} has no amount that can be paid`
    if (account === null) return `${id} has no account to pay to`
    payments.push({ id, account, name: textAt(node, 'Cdtr', 'Nm') ?? '', amount: money })
  }
  if (payments.length > PAYMENTS_MAX) return `has more than ${PAYMENTS_MAX} payments`
  if (new Set(payments.map(({ amount }) => amount.currency)).size > 1) return 'has several currencies'
  if (textAt(message, 'GrpHdr', 'NbOfTxs') !== String(payments.length)) return 'NbOfTxs is not how many there are'
  const sum = textAt(message, 'GrpHdr', 'CtrlSum')
  if (sum !== null && sum !== decimalOf(payments.map(({ amount }) => amount))) return 'CtrlSum is not what they come to'
  return {
    id: textAt(message, 'GrpHdr', 'MsgId') ?? '',
    createdAt: textAt(message, 'GrpHdr', 'CreDtTm') ?? '',
    on: textAt(instruction, 'ReqdExctnDt', 'Dt') ?? '',
    payer: {
      name: textAt(instruction, 'Dbtr', 'Nm') ?? '',
      account:
        textAt(instruction, 'DbtrAcct', 'Id', 'IBAN') ?? textAt(instruction, 'DbtrAcct', 'Id', 'Othr', 'Id') ?? '',
    },
    payments,
  }
}

function decimalOf(amounts: readonly Money[]): string {
  const [first] = amounts
  if (first === undefined) return '0'
  return formatMinor({ currency: first.currency, minor: amounts.reduce((sum, { minor }) => sum + minor, 0n) })
}
