import { type Dispatcher, request } from 'undici'
import type { Clock } from '../kernel/clock.ts'
import type { Database, Sql } from './database.ts'
import { abandonDeliveries, type Due, selectDue, settleDeliveries } from './delivery-queue.ts'
import { keepDoing } from './every.ts'
import type { Log } from './log.ts'
import { destinationFault } from './safe-destination.ts'
import { createSlowEndpoints } from './slow-endpoints.ts'
import { type SigningKey, signWebhook } from './standard-webhooks.ts'

export const deliveryMigrations = new URL('./migrations/deliveries/', import.meta.url)

/** Where a message goes and what signs it; null when the endpoint is gone. */
export type Destination = { readonly url: string; readonly keys: readonly SigningKey[] }

const TIMEOUT_MS = 10_000
const LOOK_EVERY_MS = 200
const ENDPOINTS_AT_ONCE_MAX = 64
/** Messages of one endpoint that are kept as taken together: so many may be sent again after a crash, and no more. */
const MESSAGES_MAX = 16
/** How long they may take together, in ms: then it is seen again whether the endpoint is there, and what signs. */
const TOGETHER_MS_MAX = 1_000
const ERROR_CHARACTERS_MAX = 200

/**
 * Sends what is queued: per endpoint in order, one at a time. A message that is not taken holds back the later ones of its
 * endpoint and no other's, and so does one that is taken slowly, however many endpoints are slow.
 * At least once: after a crash taken messages may be sent again under the same `webhook-id`.
 */
export function startDeliveries(options: {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  readonly dispatcher: Dispatcher
  readonly allowLoopback: boolean
  readonly destinationOf: (sql: Sql, endpoint: string) => Promise<Destination | null>
  /** Told whether something was taken, in the transaction that keeps it. */
  readonly onSettled?: (sql: Sql, endpoint: string, taken: boolean) => Promise<void>
}): { close(): Promise<void> } {
  const { database, clock, log, destinationOf, onSettled } = options
  const busy = new Map<string, Promise<void>>()
  const slow = createSlowEndpoints()
  let isOpen = true

  /** Sends messages of one endpoint, until one is not taken; true where others may wait to be sent at once. */
  const deliver = async (endpoint: string, due: readonly Due[], destination: Destination): Promise<boolean> => {
    const end = performance.now() + TOGETHER_MS_MAX
    const taken: Due[] = []
    let failed: { readonly due: Due; readonly error: string } | null = null
    for (const message of due) {
      const error = await slow.timed(endpoint, () => send(options, destination, message))
      if (error === null) taken.push(message)
      else failed = { due: message, error }
      if (failed !== null || !isOpen || performance.now() > end) break
    }
    await database.transaction(async (sql) => {
      await settleDeliveries(sql, clock, taken, failed)
      if (taken.length > 0) await onSettled?.(sql, endpoint, true)
      if (failed !== null) await onSettled?.(sql, endpoint, false)
    })
    if (failed === null) return taken.length < due.length || due.length === MESSAGES_MAX
    const { due: message, error } = failed
    log.warn({ endpoint, delivery: message.id, tries: message.tries + 1, error }, 'webhook not taken')
    return false
  }

  const round = keepDoing({
    name: 'deliveries',
    everyMs: LOOK_EVERY_MS,
    log,
    async work() {
      const max = { endpoints: ENDPOINTS_AT_ONCE_MAX - busy.size, messages: MESSAGES_MAX }
      const { found, more } = await database.transaction(async (sql) => {
        const due = max.endpoints === 0 ? [] : await selectDue(sql, clock, slow.passedOver([...busy.keys()]), max)
        const found: [endpoint: string, due: readonly Due[], destination: Destination][] = []
        for (const messages of slow.withPlace(due, endpointOf, [...busy.keys()])) {
          const endpoint = endpointOf(messages)
          const destination = await destinationOf(sql, endpoint)
          if (destination === null) await abandonDeliveries(sql, endpoint, 'the endpoint is gone')
          else found.push([endpoint, messages, destination])
        }
        return { found, more: found.length < due.length }
      })
      for (const [endpoint, due, destination] of found) {
        const sending = deliver(endpoint, due, destination)
          .catch((err: unknown) => log.error({ err }, 'deliveries: trying again'))
          .then((more) => {
            if (more === true || busy.size === ENDPOINTS_AT_ONCE_MAX) round.wake()
            busy.delete(endpoint)
          })
        busy.set(endpoint, sending)
      }
      return more // others come behind the slow ones that were left out
    },
  })
  return {
    async close() {
      isOpen = false
      await round.close()
      await Promise.all(busy.values())
    },
  }
}

function endpointOf(due: readonly Due[]): string {
  return due[0]?.endpoint ?? ''
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
