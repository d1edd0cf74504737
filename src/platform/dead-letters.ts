import { type Clock, type Instant, toRfc3339 } from '../kernel/clock.ts'
import type { Sql } from './database.ts'
import { checkWireEvent, eventOfWire, eventOnWire } from './event-log/event-wire.ts'
import type { Event } from './outbox.ts'

/** `dead`: set aside. `asked`: to be taken again. `taken`: its effect was made after all. `given_up`: it never will be. */
export type DeadLetterState = 'dead' | 'asked' | 'taken' | 'given_up'

/** An event that a follower set aside, so that those behind it are taken. */
export type DeadLetter = {
  readonly feed: string
  readonly seq: bigint
  readonly event: Event
  readonly state: DeadLetterState
  readonly error: string
  /** How often its effect was tried. */
  readonly tries: number
  readonly at: Instant
  readonly changedAt: Instant
  readonly changedBy: string | null
}

const ERROR_CHARACTERS_MAX = 500
const COLUMNS = 'feed, seq, event, state, error, tries, at, changed_at AS "changedAt", changed_by AS "changedBy"'

/** Sets an event aside, in the transaction that moves the follower's place past it. */
export async function setAside(
  sql: Sql,
  clock: Clock,
  feed: string,
  event: Event,
  fault: { readonly error: string; readonly tries: number },
): Promise<void> {
  await sql.query(
    `INSERT INTO dead_letter (feed, seq, subject, event, state, error, tries, at, changed_at)
     VALUES ($1, $2, $3, $4::jsonb, 'dead', $5, $6, $7, $7)`,
    [
      feed,
      event.seq,
      event.subject,
      JSON.stringify(eventOnWire(event)),
      fault.error.slice(0, ERROR_CHARACTERS_MAX),
      fault.tries,
      toRfc3339(clock.now()),
    ],
  )
}

/** The first event of the subject that is set aside in this feed; what comes after it must not overtake it. */
export async function firstWaiting(sql: Sql, feed: string, subject: string): Promise<bigint | null> {
  const [first] = await sql.query<{ seq: bigint }>(
    `SELECT seq FROM dead_letter WHERE feed = $1 AND subject = $2 AND state IN ('dead', 'asked') ORDER BY seq LIMIT 1`,
    [feed, subject],
  )
  return first?.seq ?? null
}

/** Those that are to be taken again, oldest first. */
export async function listAsked(sql: Sql, feed: string, limit: number): Promise<readonly DeadLetter[]> {
  const rows = await sql.query(
    `SELECT ${COLUMNS} FROM dead_letter WHERE feed = $1 AND state = 'asked' ORDER BY seq LIMIT $2`,
    [feed, limit],
  )
  return rows.map(letterOf)
}

/** Closes one that is asked for; its effect is made in the same transaction. @returns false when another process did */
export async function closeAsked(sql: Sql, clock: Clock, { feed, seq }: DeadLetter): Promise<boolean> {
  const closed = await sql.query(
    `UPDATE dead_letter SET state = 'taken', tries = tries + 1, changed_at = $3
     WHERE feed = $1 AND seq = $2 AND state = 'asked' RETURNING seq`,
    [feed, seq, toRfc3339(clock.now())],
  )
  return closed.length > 0
}

/**
 * What was set aside behind one that is taken by now, while it waited for its turn, is taken next: it was never tried, and nobody
 * said that it was to wait for more.
 */
export async function askNext(sql: Sql, clock: Clock, { feed, event, changedBy }: DeadLetter): Promise<void> {
  await sql.query(
    `UPDATE dead_letter SET state = 'asked', changed_at = $3, changed_by = $4
     WHERE feed = $1 AND tries = 0 AND state = 'dead' AND seq = (
       SELECT min(seq) FROM dead_letter WHERE feed = $1 AND subject = $2 AND state IN ('dead', 'asked'))`,
    [feed, event.subject, toRfc3339(clock.now()), changedBy],
  )
}

/** It failed once more: it is set aside again, and what is asked for behind it. */
export async function putBack(sql: Sql, clock: Clock, { feed, seq, event }: DeadLetter, error: string): Promise<void> {
  await sql.query(
    `UPDATE dead_letter SET state = 'dead', changed_at = $4,
       tries = CASE WHEN seq = $3 THEN tries + 1 ELSE tries END, error = CASE WHEN seq = $3 THEN $5 ELSE error END
     WHERE feed = $1 AND subject = $2 AND seq >= $3 AND state = 'asked'`,
    [feed, event.subject, seq, toRfc3339(clock.now()), error.slice(0, ERROR_CHARACTERS_MAX)],
  )
}

/** Newest last, from a number on. */
export async function listLetters(
  sql: Sql,
  state: DeadLetterState,
  after: { readonly feed: string; readonly seq: bigint },
  limit: number,
): Promise<readonly DeadLetter[]> {
  const rows = await sql.query(
    `SELECT ${COLUMNS} FROM dead_letter WHERE state = $1 AND (feed, seq) > ($2, $3) ORDER BY feed, seq LIMIT $4`,
    [state, after.feed, after.seq, limit],
  )
  return rows.map(letterOf)
}

export async function readLetter(sql: Sql, feed: string, seq: bigint): Promise<DeadLetter | null> {
  const [row] = await sql.query(`SELECT ${COLUMNS} FROM dead_letter WHERE feed = $1 AND seq = $2 FOR UPDATE`, [
    feed,
    seq,
  ])
  return row === undefined ? null : letterOf(row)
}

/** `asked` is of all that waits of the subject from this one on. */
export async function change(
  sql: Sql,
  clock: Clock,
  { feed, seq, event }: DeadLetter,
  to: { readonly state: 'asked' | 'given_up'; readonly by: string },
): Promise<void> {
  const which = to.state === 'asked' ? 'seq >= $3' : 'seq = $3'
  await sql.query(
    `UPDATE dead_letter SET state = $4, changed_at = $5, changed_by = $6
     WHERE feed = $1 AND subject = $2 AND ${which} AND state = 'dead'`,
    [feed, event.subject, seq, to.state, toRfc3339(clock.now()), to.by],
  )
}

function letterOf(row: Readonly<Record<string, unknown>>): DeadLetter {
  const event = checkWireEvent(row['event'])
  if (!event.ok) throw new Error(`dead letter ${row['feed']}/${row['seq']}: is no event any more`)
  return { ...(row as DeadLetter), event: eventOfWire(event.value), tries: Number(row['tries']) }
}
