import { CURRENCIES, type Currency, MINOR_MAX, scaleOf } from '../../kernel/money.ts'
import { type Node, nodeAt, nodesAt, textAt } from '../../platform/iso20022/read.ts'

/** What the bank booked on our account. A debit is money that left it. */
export type StatementLine = {
  /** Counted from 1 in the order of the statement. */
  readonly number: number
  readonly direction: 'debit' | 'credit'
  /** In minor units of the statement's currency, above zero. */
  readonly amount: bigint
  /** The day it was booked, `2026-03-01`. */
  readonly bookedOn: string
  /** Our own name for the payment (EndToEndId), or for the file it was in; null where the bank tells none. */
  readonly reference: string | null
  /** The account at the other end. */
  readonly party: string | null
  /** It gives back what was paid. */
  readonly returned: boolean
}

/** The message says why the bank's record is not taken. */
export class Unusable extends Error {}

type Booked = StatementLine & { readonly currency: Currency }

/** An entry, or the payments that it is booked for in one sum. */
export function linesOf(entry: Node, before: number): readonly Booked[] {
  if (textAt(entry, 'Sts', 'Cd') !== 'BOOK') throw new Unusable(`entry ${before + 1} is not booked`)
  const whole = amountIn(entry)
  const direction = textAt(entry, 'CdtDbtInd') === 'DBIT' ? 'debit' : 'credit'
  const bookedOn = (textAt(entry, 'BookgDt', 'Dt') ?? textAt(entry, 'BookgDt', 'DtTm') ?? '').slice(0, 10)
  if (bookedOn === '') throw new Unusable(`entry ${before + 1} does not say when it was booked`)
  const isReversal = isYes(textAt(entry, 'RvslInd'))
  const details = nodesAt(entry, 'NtryDtls')
  const transactions = details.flatMap((detail) => nodesAt(detail, 'TxDtls'))
  const base = { direction, bookedOn, currency: whole.currency } as const
  if (transactions.length < 2) {
    const [transaction = null] = transactions
    const batch = details[0] === undefined ? null : nodeAt(details[0], 'Btch')
    const reference =
      referenceIn(transaction) ?? (batch === null ? null : (textAt(batch, 'PmtInfId') ?? textAt(batch, 'MsgId')))
    return [{ ...base, number: before + 1, amount: whole.minor, reference, ...endOf(transaction, isReversal) }]
  }
  const lines = transactions.map((transaction, index): Booked => {
    if (nodeAt(transaction, 'Amt') === null) throw new Unusable(`entry ${before + 1} has payments without an amount`)
    const { minor: amount, currency } = amountIn(transaction)
    const reference = referenceIn(transaction)
    return { ...base, currency, number: before + index + 1, amount, reference, ...endOf(transaction, isReversal) }
  })
  const sum = lines.reduce((total, { amount }) => total + amount, 0n)
  if (sum !== whole.minor) throw new Unusable(`entry ${before + 1} is not what its payments come to`)
  return lines
}

function referenceIn(transaction: Node | null): string | null {
  const reference = transaction === null ? null : textAt(transaction, 'Refs', 'EndToEndId')
  return reference === 'NOTPROVIDED' ? null : reference
}

function endOf(transaction: Node | null, isReversal: boolean): Pick<StatementLine, 'party' | 'returned'> {
  if (transaction === null) return { party: null, returned: isReversal }
  const party = accountIn(nodeAt(transaction, 'RltdPties', 'CdtrAcct'))
  return { party, returned: isReversal || nodeAt(transaction, 'RtrInf') !== null }
}

export function accountIn(account: Node | null): string | null {
  if (account === null) return null
  return textAt(account, 'Id', 'IBAN') ?? textAt(account, 'Id', 'Othr', 'Id')
}

/** In integers: as many digits after the point as the currency has, and beyond them only zeros. */
export function amountIn(node: Node, least = 1n): { minor: bigint; currency: Currency } {
  const amount = nodeAt(node, 'Amt')
  const currency = CURRENCIES.find((known) => known === amount?.attributes['Ccy'])
  if (amount === null || currency === undefined) throw new Unusable('has an amount in a currency that is not kept here')
  const [whole = '', fraction = ''] = amount.text.split('.')
  const scale = scaleOf(currency)
  if (/[1-9]/.test(fraction.slice(scale))) throw new Unusable(`has an amount of ${amount.text} ${currency}`)
  const minor = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'))
  if (minor < least || minor > MINOR_MAX) throw new Unusable(`has an amount of ${amount.text} ${currency}`)
  return { minor, currency }
}

export function isYes(text: string | null): boolean {
  return text === 'true' || text === '1'
}
