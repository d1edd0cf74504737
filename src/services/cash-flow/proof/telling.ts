import { toRfc3339 } from '../../../kernel/clock.ts'
import { RecordBody } from '../../../kernel/record-body.ts'
import type { JournalRecord } from '../append.ts'
import type { ToldTable } from '../store.ts'

/** An entry as a record has it: all as text, since older records have numbers. */
export type ToldEntry = {
  readonly id: string
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

  entries(): readonly ToldEntry[] {
    return this.#body.rows('entry', { recorded_at: this.at }).map((row) => {
      const filled = Object.entries(row).filter(([, value]) => value !== null)
      return Object.fromEntries(filled.map(([name, value]) => [name, String(value)])) as ToldEntry
    })
  }
}
