import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from './log.ts'

/** Something done again and again until it is closed. */
export interface Round {
  /** There is something to do: don't wait for the next look. */
  wake(): void
  /** Does nothing more, and waits for what is under way. */
  close(): Promise<void>
}

/**
 * Does `work` every `everyMs`, and again at once while it answers that there may be more. What it throws is logged under
 * `name`, and it is tried again.
 */
export function keepDoing(options: {
  readonly name: string
  readonly everyMs: number
  readonly log: Log
  readonly work: () => Promise<boolean>
}): Round {
  const { name, everyMs, log, work } = options
  let open = true
  let nap = new AbortController()
  const running = (async () => {
    while (open) {
      nap = new AbortController() // before the work, so that a wake meanwhile is not slept over
      const more = await work().catch((err: unknown) => {
        log.error({ err }, `${name}: trying again`)
        return false
      })
      if (!more) await sleep(everyMs, null, { signal: nap.signal }).catch(() => null)
    }
  })()
  return {
    wake: () => nap.abort(),
    async close() {
      open = false
      nap.abort()
      await running
    },
  }
}
