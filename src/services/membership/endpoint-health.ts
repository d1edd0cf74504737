import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Sql } from '../../platform/database.ts'
import { abandonDeliveries } from '../../platform/delivery-queue.ts'
import type { Log } from '../../platform/log.ts'
import { markFailing, markWell, setDisabled } from './endpoint-store.ts'
import { tell } from './telling.ts'

/** So long nothing may be taken at an endpoint; then nothing is sent there until its member says so. */
const FAILING_MS_MAX = 3 * 24 * 3_600_000

/**
 * Keeps in mind which endpoints take nothing, in the transaction of each delivery's end. One that has taken nothing for days is
 * disabled: what waits for it is given up, and its member is told by an event, which other endpoints get as well.
 */
export function endpointHealth(clock: Clock, log: Log) {
  return async (sql: Sql, endpoint: string, taken: boolean): Promise<void> => {
    if (taken) return markWell(sql, endpoint)
    const now = clock.now()
    const failing = await markFailing(sql, endpoint, now)
    if (failing === null || now - failing.since < FAILING_MS_MAX) return
    await setDisabled(sql, endpoint, now)
    await abandonDeliveries(sql, endpoint, 'the endpoint was disabled')
    log.warn({ endpoint }, 'webhooks: an endpoint that took nothing for days was disabled')
    await tell(sql, clock, [
      {
        id: newId('event', now),
        members: [failing.member],
        type: 'webhook_endpoint.disabled',
        at: now as Instant,
        data: { endpoint, failingSince: toRfc3339(failing.since) },
      },
    ])
  }
}
