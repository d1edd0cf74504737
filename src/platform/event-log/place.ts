import { type Clock, toRfc3339 } from '../../kernel/clock.ts'
import type { Database } from '../database.ts'

/**
 * How far a service's events were published, and which process does it: one at a time, on a lease. Should one that lost it
 * write once more, readers see an event twice and take it once, by its number.
 */
export interface Place {
  /** Takes the lease if it is free or ours. @returns the number of the last event that was published; null: another has it */
  take(): Promise<bigint | null>
  /** Moves on, and prolongs the lease. @returns false when another has it by now */
  advance(seq: bigint): Promise<boolean>
  /**
   * To how many partitions events go, of those that there are: as many as there were at first. With more of them an account's
   * events would go on in another partition, and who reads both may see the later ones first.
   */
  partitions(present: number): Promise<number>
  /** Leaves the lease to whoever comes next. */
  leave(): Promise<void>
}

/** A process that was killed is followed by another within it. */
const LEASE_MS = 10_000

/** `holder`: a name that no other process has. */
export function createPlace(database: Pick<Database, 'transaction'>, clock: Clock, holder: string): Place {
  const lease = () => [holder, toRfc3339(clock.now()), new Date(clock.now() + LEASE_MS).toISOString()]
  return {
    take: () =>
      database.transaction(async (sql) => {
        const rows = await sql.query<{ seq: bigint }>(
          `UPDATE event_publisher SET holder = $1, until = $3 WHERE holder = $1 OR until < $2 RETURNING seq`,
          lease(),
        )
        return rows[0]?.seq ?? null
      }),
    advance: (seq) =>
      database.transaction(async (sql) => {
        const rows = await sql.query(
          'UPDATE event_publisher SET seq = $2, until = $3 WHERE holder = $1 AND seq < $2 RETURNING seq',
          [holder, seq, new Date(clock.now() + LEASE_MS).toISOString()],
        )
        return rows.length > 0
      }),
    partitions: (present) =>
      database.transaction(async (sql) => {
        // A topic never has fewer, but for one that was made anew.
        const rows = await sql.query<{ partitions: number }>(
          'UPDATE event_publisher SET partitions = least(partitions, $1::integer) RETURNING partitions',
          [present],
        )
        return Number(rows[0]?.partitions ?? present)
      }),
    leave: () =>
      database.transaction(async (sql) => {
        await sql.query("UPDATE event_publisher SET holder = '', until = '1970-01-01T00:00:00Z' WHERE holder = $1", [
          holder,
        ])
      }),
  }
}
