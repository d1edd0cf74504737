import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import { RecordBody } from '../../../kernel/record-body.ts'
import type { JournalRecord } from '../append.ts'
import type { Spent } from '../limits.ts'
import type { ToldTable } from '../store.ts'

/** An entry as a record has it: all as text, since older records have numbers. */
export type ToldEntry = {
  readonly account: string
  readonly version: string
  readonly phase: string
  readonly direction: string
  readonly amount: string
  readonly posted: string
  readonly pending: string
  /** RFC 3339, UTC. */
  readonly recorded_at: string
}

/** The columns of a balance that count what was spent. */
const SPENT_COLUMNS = ['day_from', 'day_spent', 'month_from', 'month_spent'] as const

/** What a record tells of. @throws SyntaxError when its body is not JSON */
export class Telling {
  /** The time of its batch, RFC 3339, UTC. */
  readonly at: string
  readonly #body: RecordBody

  constructor({ at, body }: Pick<JournalRecord, 'at' | 'body'>) {
    this.at = toRfc3339(at)
    this.#body = new RecordBody(body)
  }

  /** How many rows of a table there are. */
  count(table: ToldTable): number {
    return this.#body.count(table)
  }

  /** What transfers had taken of each account by the end of the batch. */
  spent(): readonly (readonly [account: string, spent: Spent | null])[] {
    return this.#body.rows('balance').map((row) => {
      const [dayFrom, day, monthFrom, month] = SPENT_COLUMNS.map((column) => row[column] ?? null)
      const countOf = (from: unknown, minor: unknown) => {
        return { from: Date.parse(String(from)) as Instant, minor: BigInt(String(minor)) }
      }
      const spent = dayFrom === null ? null : { day: countOf(dayFrom, day), month: countOf(monthFrom, month) }
      return [String(row['account']), spent]
    })
  }

  entries(): readonly ToldEntry[] {
    return this.#body.rows('entry', { recorded_at: this.at }).map((row) => {
      const filled = Object.entries(row).filter(([, value]) => value !== null)
      return Object.fromEntries(filled.map(([name, value]) => [name, String(value)])) as ToldEntry
    })
  }
}
