import type { Currency } from '../../kernel/money.ts'
import { CAMT_054 } from '../../platform/iso20022/camt.ts'
import { type Node, nodeAt, nodesAt, readMessageInTurns, textAt } from '../../platform/iso20022/read.ts'
import { accountIn, linesOf, type StatementLine, Unusable } from './bank-entry.ts'

/** What the bank says that it has booked, before the statement of the day says so. */
export type Notification = {
  readonly account: string
  /** The bank's own name for it. */
  readonly name: string
  /** Null: it tells of nothing. */
  readonly currency: Currency | null
  /** Lines that are booked; those under way are left for the statement. */
  readonly lines: readonly StatementLine[]
}

export const NOTIFICATION_BYTES_MAX = 4_194_304
const LINES_MAX = 20_000

/** Reads a camt.054 of one account; a text says why it is not taken. */
export async function readNotification(bytes: Uint8Array): Promise<Notification | string> {
  const lines: StatementLine[] = []
  const currencies = new Set<Currency>()
  try {
    const read = await readMessageInTurns(CAMT_054, bytes, NOTIFICATION_BYTES_MAX, (entry) => {
      if (textAt(entry, 'Sts', 'Cd') !== 'BOOK') return
      for (const { currency, ...line } of linesOf(entry, lines.length)) {
        currencies.add(currency)
        lines.push(line)
      }
      if (lines.length > LINES_MAX) throw new Unusable(`has more than ${LINES_MAX} lines`)
    })
    if (read.kind === 'refused') return read.detail
    const [currency = null, another] = currencies
    if (another !== undefined) throw new Unusable('has lines in several currencies')
    return { ...namesIn(read.document.children[0] as Node), currency, lines }
  } catch (error) {
    if (error instanceof Unusable) return error.message
    throw error
  }
}

function namesIn(message: Node): { readonly account: string; readonly name: string } {
  const [node, another] = nodesAt(message, 'Ntfctn')
  if (node === undefined || another !== undefined) throw new Unusable('has not one notification')
  const account = accountIn(nodeAt(node, 'Acct'))
  if (account === null) throw new Unusable('names no account')
  return { account, name: textAt(node, 'Id') ?? '' }
}

/** What lines come to under each reference: money that was paid, or money that was given back, in minor units. */
export function toldBy(lines: readonly StatementLine[], what: 'paid' | 'returned'): ReadonlyMap<string, bigint> {
  const told = new Map<string, bigint>()
  for (const { reference, direction, returned, amount } of lines) {
    const isSuch = what === 'paid' ? direction === 'debit' : direction === 'credit' && returned
    if (reference !== null && isSuch) told.set(reference, (told.get(reference) ?? 0n) + amount)
  }
  return told
}
