import { type Dispatcher, request } from 'undici'
import { type Clock, type Instant, toRfc3339 } from '../kernel/clock.ts'
import { newId } from '../kernel/id.ts'
import type { Database, Sql } from './database.ts'
import { keepDoing } from './every.ts'
import type { Log } from './log.ts'
import { destinationFault } from './safe-destination.ts'
import { type SigningKey, signWebhook } from './standard-webhooks.ts'

export const deliveryMigrations = new URL('./migrations/deliveries/', import.meta.url)

/** Where a message goes and what signs it; null when the endpoint is gone. */
export type Destination = { readonly url: string; readonly keys: readonly SigningKey[] }

const TIMEOUT_MS = 10_000
const LOOK_EVERY_MS = 200
const ENDPOINTS_AT_ONCE_MAX = 64
const ERROR_CHARACTERS_MAX = 200
/** Waits between tries; the message is abandoned after the last. About 27 hours in all. */
const RETRY_AFTER_S = [1, 5, 30, 120, 600, 3_600, 14_400, 36_000, 43_200] as const

/** Puts a message into the endpoint's queue, in the transaction of what it tells. `sequence` rises by one per endpoint. */
export async function enqueueDelivery(
  sql: Sql,
  clock: Clock,
  endpoint: string,
  body: (sequence: bigint) => string,
): Promise<void> {
  const [last] = await sql.query<{ sequence: bigint | null }>(
    'SELECT max(sequence) AS sequence FROM delivery WHERE endpoint = $1',
    [endpoint],
  )
  const sequence = (last?.sequence ?? 0n) + 1n
  await sql.query(
    `INSERT INTO delivery (id, endpoint, sequence, body, state, next_try_at, created_at)
     VALUES ($1, $2, $3, $4, 'pending', $5, $5)`,
    [newId('delivery'), endpoint, sequence, body(sequence), toRfc3339(clock.now())],
  )
}

type Due = { readonly id: string; readonly endpoint: string; readonly body: string; readonly tries: number }

/**
 * Sends what is queued: per endpoint in order, one at a time. A message that is not taken holds back the later ones of its
 * endpoint and no other's, and so does one that is taken slowly, while fewer than `ENDPOINTS_AT_ONCE_MAX` are waited for.
 * At least once: after a crash a taken message may be sent again under the same `webhook-id`.
 */
export function startDeliveries(options: {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  readonly dispatcher: Dispatcher
  readonly allowLoopback: boolean
  readonly destinationOf: (sql: Sql, endpoint: string) => Promise<Destination | null>
  /** Told whether a message was taken, in the transaction that keeps it. */
  readonly onSettled?: (sql: Sql, endpoint: string, taken: boolean) => Promise<void>
}): { close(): Promise<void> } {
  const { database, clock, log, destinationOf, onSettled } = options
  const busy = new Map<string, Promise<void>>()

  const deliver = async (due: Due): Promise<void> => {
    const destination = await database.transaction((sql) => destinationOf(sql, due.endpoint))
    const error = destination === null ? 'the endpoint is gone' : await send(options, destination, due)
    await database.transaction(async (sql) => {
      await settle(sql, clock, due, error, destination === null)
      if (destination !== null) await onSettled?.(sql, due.endpoint, error === null)
    })
    if (error !== null)
      log.warn({ endpoint: due.endpoint, delivery: due.id, tries: due.tries + 1, error }, 'webhook not taken')
  }

  const round = keepDoing({
    name: 'deliveries',
    everyMs: LOOK_EVERY_MS,
    log,
    async work() {
      const room = ENDPOINTS_AT_ONCE_MAX - busy.size
      const due = await database.transaction((sql) => selectDue(sql, clock, [...busy.keys()], room))
      for (const message of due) {
        const sending = deliver(message)
          .finally(() => busy.delete(message.endpoint))
          .then(round.wake, (err: unknown) => log.error({ err }, 'deliveries: trying again'))
        busy.set(message.endpoint, sending)
      }
      return false
    },
  })
  return {
    async close() {
      await round.close()
      await Promise.all(busy.values())
    },
  }
}

/** The first pending message of each endpoint that is not busy, where its time has come; who waits longest comes first. */
function selectDue(sql: Sql, clock: Clock, busy: readonly string[], countMax: number): Promise<Due[]> {
  return sql.query<Due>(
    `SELECT id, endpoint, body, tries FROM (
       SELECT DISTINCT ON (endpoint) id, endpoint, body, tries, next_try_at
       FROM delivery WHERE state = 'pending' AND endpoint <> ALL ($2::text[]) ORDER BY endpoint, sequence) AS first
     WHERE next_try_at <= $1 ORDER BY next_try_at LIMIT $3`,
    [toRfc3339(clock.now()), busy, countMax],
  )
}

/** Null when the endpoint took the message (any 2xx); else what went wrong. */
async function send(
  { clock, dispatcher, allowLoopback }: { clock: Clock; dispatcher: Dispatcher; allowLoopback: boolean },
  { url, keys }: Destination,
  { id, body }: Due,
): Promise<string | null> {
  const fault = destinationFault(url, allowLoopback)
  if (fault !== null) return `the URL ${fault}`
  try {
    const answer = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signWebhook(keys, clock, id, body) },
      body,
      dispatcher,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    await answer.body.dump()
    return answer.statusCode >= 200 && answer.statusCode < 300 ? null : `status ${answer.statusCode}`
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, ERROR_CHARACTERS_MAX) : 'no answer'
  }
}

async function settle(sql: Sql, clock: Clock, { id, tries }: Due, error: string | null, gone: boolean): Promise<void> {
  const waitS = RETRY_AFTER_S[tries]
  const state = error === null ? 'delivered' : gone || waitS === undefined ? 'abandoned' : 'pending'
  const jitter = 0.8 + Math.random() * 0.4 // so that many endpoints that failed together don't come back together
  const next = clock.now() + (waitS ?? 0) * 1000 * jitter
  await sql.query(
    'UPDATE delivery SET state = $2, tries = tries + 1, next_try_at = $3, last_error = $4 WHERE id = $1',
    [id, state, new Date(next).toISOString(), error],
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
