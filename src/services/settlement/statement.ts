import { fromRfc3339, type Instant } from '../../kernel/clock.ts'
import { CURRENCIES, type Currency, MINOR_MAX, scaleOf } from '../../kernel/money.ts'
import { CAMT_053 } from '../../platform/iso20022/camt.ts'
import { type Node, nodeAt, nodesAt, readMessageInTurns, textAt } from '../../platform/iso20022/read.ts'

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

export type Statement = {
  readonly account: string
  /** The bank's own name for it, unique for the account. */
  readonly name: string
  readonly currency: Currency
  readonly from: Instant
  readonly to: Instant
  readonly opening: bigint
  readonly closing: bigint
  readonly lines: readonly StatementLine[]
}

export const STATEMENT_BYTES_MAX = 67_108_864
const LINES_MAX = 250_000

class Unusable extends Error {}

/** Reads a camt.053 of one statement; a text says why it is not taken. Its lines have to lead from one balance to the other. */
export async function readStatement(bytes: Uint8Array): Promise<Statement | string> {
  const lines: StatementLine[] = []
  let currency = ''
  try {
    const read = await readMessageInTurns(CAMT_053, bytes, STATEMENT_BYTES_MAX, (entry) => {
      for (const line of linesOf(entry, lines.length)) {
        if (lines.length >= LINES_MAX) throw new Unusable(`has more than ${LINES_MAX} lines`)
        const { currency: of, ...rest } = line
        if (currency !== '' && of !== currency) throw new Unusable('has lines in several currencies')
        currency = of
        lines.push(rest)
      }
    })
    if (read.kind === 'refused') return read.detail
    return statementOf(read.document, currency, lines)
  } catch (error) {
    if (error instanceof Unusable) return error.message
    throw error
  }
}

function statementOf(document: Node, currency: string, lines: readonly StatementLine[]): Statement {
  const message = document.children[0] as Node
  const [node, another] = nodesAt(message, 'Stmt')
  if (node === undefined || another !== undefined) throw new Unusable('has not one statement')
  const page = nodeAt(node, 'StmtPgntn') ?? nodeAt(message, 'GrpHdr', 'MsgPgntn')
  if (page !== null && (textAt(page, 'PgNb') !== '1' || !isYes(textAt(page, 'LastPgInd')))) {
    throw new Unusable('is one of several pages; ask the bank for the whole')
  }
  const account = accountIn(nodeAt(node, 'Acct'))
  const from = timeIn(node, 'FrDtTm')
  const to = timeIn(node, 'ToDtTm')
  const opening = balanceIn(node, ['OPBD', 'PRCD'])
  const closing = balanceIn(node, ['CLBD'])
  if (account === null) throw new Unusable('names no account')
  if (opening.currency !== closing.currency) throw new Unusable('has balances in two currencies')
  if (currency !== '' && currency !== opening.currency)
    throw new Unusable('has balances in another currency than its lines')
  const moved = lines.reduce((sum, line) => sum + (line.direction === 'debit' ? -line.amount : line.amount), 0n)
  if (opening.minor + moved !== closing.minor) throw new Unusable('its lines do not lead from one balance to the other')
  const name = textAt(node, 'Id') ?? ''
  return { account, name, currency: opening.currency, from, to, opening: opening.minor, closing: closing.minor, lines }
}

type Booked = StatementLine & { readonly currency: string }

/** An entry, or the payments that it is booked for in one sum. */
function linesOf(entry: Node, before: number): readonly Booked[] {
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

function accountIn(account: Node | null): string | null {
  if (account === null) return null
  return textAt(account, 'Id', 'IBAN') ?? textAt(account, 'Id', 'Othr', 'Id')
}

function timeIn(statement: Node, name: string): Instant {
  const text = textAt(statement, 'FrToDt', name)
  if (text === null) throw new Unusable('does not say from when to when it is')
  const time = fromRfc3339(/(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text}Z`)
  if (time === null || time < 0) throw new Unusable(`${name} is no time since 1970`)
  return time
}

function balanceIn(statement: Node, codes: readonly string[]): { minor: bigint; currency: Currency } {
  const balance = nodesAt(statement, 'Bal').find((one) => codes.includes(textAt(one, 'Tp', 'CdOrPrtry', 'Cd') ?? ''))
  if (balance === undefined) throw new Unusable(`has no balance ${codes[0]}`)
  const { minor, currency } = amountIn(balance, 0n)
  return { minor: textAt(balance, 'CdtDbtInd') === 'DBIT' ? -minor : minor, currency }
}

/** In integers: as many digits after the point as the currency has, and beyond them only zeros. */
function amountIn(node: Node, least = 1n): { minor: bigint; currency: Currency } {
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

function isYes(text: string | null): boolean {
  return text === 'true' || text === '1'
}
