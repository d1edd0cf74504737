import type { Count, Spent } from '../limits.ts'
import type { Difference, Sum } from '../store.ts'
import type { ToldEntry } from './telling.ts'

const NOTHING: Sum = { version: 0n, posted: 0n, pending: 0n }

/** The balances that the journal's entries come to, account by account: nothing else is kept of them. */
export class Replay {
  readonly #sums: Map<string, Sum>
  readonly #spent = new Map<string, Spent | null>()

  /** `openings`: what was there before the first record. */
  constructor(openings: ReadonlyMap<string, Sum>) {
    this.#sums = new Map(openings)
  }

  /** Takes the entry in, which is the account's next version and comes to what it says; or says how it is not. */
  enter(entry: ToldEntry): Difference | null {
    const { account } = entry
    const before = this.#sums.get(account) ?? NOTHING
    const after = { version: BigInt(entry.version), posted: BigInt(entry.posted), pending: BigInt(entry.pending) }
    this.#sums.set(account, after) // so that one break is reported once
    const columns = [
      ...(after.version === before.version + 1n ? [] : ['version']),
      ...(isMoved(entry, before, after) ? [] : ['posted', 'pending']),
    ]
    if (columns.length === 0) return null
    return { table: 'journal', key: `${account} ${entry.version}`, is: 'differs', columns }
  }

  /** What transfers had taken of accounts, as the next record has it. */
  count(told: readonly (readonly [account: string, spent: Spent | null])[]): void {
    for (const [account, spent] of told) this.#spent.set(account, spent)
  }

  /** The accounts of which transfers have not taken what was told last. */
  compareSpent(live: ReadonlyMap<string, Spent>): readonly Difference[] {
    const accounts = new Set([...this.#spent.keys(), ...live.keys()])
    return [...accounts].flatMap((account) => {
      const [told, is] = [this.#spent.get(account), live.get(account)]
      const columns = [...countColumns('day', told?.day, is?.day), ...countColumns('month', told?.month, is?.month)]
      return columns.length === 0 ? [] : [{ table: 'balance', key: account, is: 'differs', columns } as const]
    })
  }

  /** The accounts whose balances are not what their entries come to. */
  compare(balances: ReadonlyMap<string, Sum>): readonly Difference[] {
    const differences: Difference[] = []
    for (const [account, told] of this.#sums) {
      const live = balances.get(account)
      if (live === undefined) differences.push({ table: 'balance', key: account, is: 'missing', columns: [] })
      else differences.push(...between(account, told, live))
    }
    for (const [account, live] of balances) {
      if (!this.#sums.has(account)) differences.push(...between(account, NOTHING, live))
    }
    return differences
  }
}

function countColumns(period: 'day' | 'month', told: Count | undefined, is: Count | undefined): readonly string[] {
  const from = told?.from === is?.from ? [] : [`${period}_from`]
  return told?.minor === is?.minor ? from : [...from, `${period}_spent`]
}

/** Whether the balances have changed by the amount as the phase says. What is posted may have been reserved before. */
function isMoved({ phase, direction, amount: text }: ToldEntry, before: Sum, after: Sum): boolean {
  const amount = BigInt(text)
  const [posted, pending] = [after.posted - before.posted, after.pending - before.pending]
  if (phase === 'reserve') return posted === 0n && pending === amount
  if (phase === 'release') return posted === 0n && pending === -amount
  if (direction === 'credit') return posted === amount && pending === 0n
  return posted === -amount && (pending === 0n || pending === -amount)
}

function between(account: string, told: Sum, live: Sum): readonly Difference[] {
  const columns = (['version', 'posted', 'pending'] as const).filter((column) => told[column] !== live[column])
  return columns.length === 0 ? [] : [{ table: 'balance', key: account, is: 'differs', columns }]
}
