import { type Clock, type Instant, toRfc3339 } from '../kernel/clock.ts'
import { newId } from '../kernel/id.ts'
import type { Sql } from './database.ts'

/** Waits between tries; the message is abandoned after the last. About 27 hours in all. */
const RETRY_AFTER_S = [1, 5, 30, 120, 600, 3_600, 14_400, 36_000, 43_200] as const

/** A message for an endpoint; `body` is told its number there. */
export type Outgoing = { readonly endpoint: string; readonly body: (sequence: bigint) => string }

/** Puts a message into the endpoint's queue, in the transaction of what it tells. `sequence` rises by one per endpoint. */
export function enqueueDelivery(
  sql: Sql,
  clock: Clock,
  endpoint: string,
  body: (sequence: bigint) => string,
): Promise<void> {
  return enqueueDeliveries(sql, clock, [{ endpoint, body }])
}

/** Puts messages into their endpoints' queues, in this order. Who does this at once for one endpoint has to hold a lock. */
export async function enqueueDeliveries(sql: Sql, clock: Clock, messages: readonly Outgoing[]): Promise<void> {
  if (messages.length === 0) return
  const endpoints = [...new Set(messages.map(({ endpoint }) => endpoint))]
  const rows = await sql.query<{ endpoint: string; sequence: bigint }>(
    `SELECT e.endpoint, last.sequence FROM unnest($1::text[]) AS e (endpoint), LATERAL (
       SELECT sequence FROM delivery WHERE endpoint = e.endpoint ORDER BY sequence DESC LIMIT 1) AS last`,
    [endpoints],
  )
  const last = new Map(rows.map(({ endpoint, sequence }) => [endpoint, sequence]))
  const queued = messages.map(({ endpoint, body }) => {
    const sequence = (last.get(endpoint) ?? 0n) + 1n
    last.set(endpoint, sequence)
    return { id: newId('delivery'), endpoint, sequence: sequence.toString(), body: body(sequence) }
  })
  await sql.query(
    `INSERT INTO delivery (id, endpoint, sequence, body, state, next_try_at, created_at)
     SELECT id, endpoint, sequence, body, 'pending', $2, $2
     FROM jsonb_to_recordset($1::jsonb) AS queued (id text, endpoint text, sequence bigint, body text)`,
    [JSON.stringify(queued), toRfc3339(clock.now())],
  )
}

export type Due = { readonly id: string; readonly endpoint: string; readonly body: string; readonly tries: number }

/**
 * Of each endpoint that is not busy and whose first message's time has come, that and those that may follow it, in order; who
 * waits longest comes first. It goes from endpoint to endpoint, however much waits at each.
 */
export async function selectDue(
  sql: Sql,
  clock: Clock,
  busy: readonly string[],
  max: { readonly endpoints: number; readonly messages: number },
): Promise<readonly (readonly Due[])[]> {
  const rows = await sql.query<Due>(
    `WITH RECURSIVE first AS (
       (SELECT endpoint, next_try_at FROM delivery WHERE state = 'pending' ORDER BY endpoint, sequence LIMIT 1)
       UNION ALL
       SELECT following.* FROM first, LATERAL (SELECT endpoint, next_try_at FROM delivery
         WHERE state = 'pending' AND endpoint > first.endpoint ORDER BY endpoint, sequence LIMIT 1) AS following),
     due AS (SELECT * FROM first WHERE next_try_at <= $1 AND endpoint <> ALL ($2::text[]) ORDER BY next_try_at LIMIT $3)
     SELECT message.* FROM due, LATERAL (SELECT id, endpoint, body, tries FROM delivery
       WHERE state = 'pending' AND endpoint = due.endpoint ORDER BY sequence LIMIT $4) AS message`,
    [toRfc3339(clock.now()), busy, max.endpoints, max.messages],
  )
  return [...Map.groupBy(rows, ({ endpoint }) => endpoint).values()]
}

/** What became of a message that was not taken. */
export type NotTaken = { readonly due: Due; readonly error: string }

/** Keeps which messages were taken, and when the one that was not is tried again, if it is. */
export async function settleDeliveries(
  sql: Sql,
  clock: Clock,
  taken: readonly Due[],
  notTaken: NotTaken | null,
): Promise<void> {
  if (taken.length > 0) {
    await sql.query(
      `UPDATE delivery SET state = 'delivered', tries = tries + 1, last_error = NULL WHERE id = ANY ($1::text[])`,
      [taken.map(({ id }) => id)],
    )
  }
  if (notTaken === null) return
  const { due, error } = notTaken
  const waitS = RETRY_AFTER_S[due.tries]
  const state = waitS === undefined ? 'abandoned' : 'pending'
  const jitter = 0.8 + Math.random() * 0.4 // so that many endpoints that failed together don't come back together
  const next = (clock.now() + (waitS ?? 0) * 1000 * jitter) as Instant
  await sql.query(
    'UPDATE delivery SET state = $2, tries = tries + 1, next_try_at = $3, last_error = $4 WHERE id = $1',
    [due.id, state, new Date(next).toISOString(), error],
  )
}

/** A message as it is kept. */
export type KeptDelivery = {
  readonly id: string
  readonly sequence: bigint
  readonly state: 'pending' | 'delivered' | 'abandoned'
  readonly tries: number
  readonly nextTryAt: Instant
  readonly error: string | null
  readonly createdAt: Instant
}

const KEPT = `id, sequence, state, tries, next_try_at AS "nextTryAt", last_error AS error, created_at AS "createdAt"`

/** An endpoint's messages with a sequence below `before`, newest first. */
export async function listDeliveries(
  sql: Sql,
  endpoint: string,
  before: bigint | null,
  limit: number,
): Promise<readonly KeptDelivery[]> {
  const rows = await sql.query<KeptDelivery>(
    `SELECT ${KEPT} FROM delivery WHERE endpoint = $1 AND ($2::bigint IS NULL OR sequence < $2)
     ORDER BY sequence DESC LIMIT $3`,
    [endpoint, before, limit],
  )
  return rows.map((row) => ({ ...row, tries: Number(row.tries) }))
}

/** Queues a message again that was taken or abandoned: it leaves under the same id and sequence, before later ones. */
export async function deliverAgain(
  sql: Sql,
  clock: Clock,
  endpoint: string,
  sequence: bigint,
): Promise<KeptDelivery | null> {
  const [row] = await sql.query<KeptDelivery>(
    `UPDATE delivery SET state = 'pending', tries = 0, next_try_at = $3 WHERE endpoint = $1 AND sequence = $2 RETURNING ${KEPT}`,
    [endpoint, sequence, toRfc3339(clock.now())],
  )
  return row === undefined ? null : { ...row, tries: Number(row.tries) }
}

/** What waits for the endpoint is not sent, unless by hand. */
export async function abandonDeliveries(sql: Sql, endpoint: string, error: string): Promise<void> {
  await sql.query(
    "UPDATE delivery SET state = 'abandoned', last_error = $2 WHERE endpoint = $1 AND state = 'pending'",
    [endpoint, error],
  )
}
