import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../platform/log.ts'
import type { Reviews } from './reviews.ts'

const LOOK_EVERY_MS = 250
const AT_ONCE_MAX = 100

/** Looks for cases whose time is up. The timer is the case's row, so it outlives us, and fires once. */
export function runTimers(reviews: Reviews, log: Log): { close(): Promise<void> } {
  const stop = new AbortController()
  const running = (async () => {
    while (!stop.signal.aborted) {
      const declined = await reviews.timeOut(AT_ONCE_MAX).catch((err: unknown) => {
        log.error({ err }, 'timers: trying again')
        return 0
      })
      if (declined < AT_ONCE_MAX) await sleep(LOOK_EVERY_MS, null, { signal: stop.signal }).catch(() => null)
    }
  })()
  return {
    async close() {
      stop.abort()
      await running
    },
  }
}
