import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { createCounts } from '../../src/edge/quotas/counts.ts'

/** Counts a million keys with the counter that is named, in turns of a hundred, and prints what that took. */
const KEYS = 1_000_000
const WARM_KEYS = 1_000
const AGAIN = 1_000_000
const WINDOW_MS = 10_000

const counters: Readonly<Record<string, () => (key: string) => unknown>> = {
  ours() {
    const counts = createCounts(KEYS, Date.now)
    const space = counts.space('bench')
    const size = { points: AGAIN, windowMs: WINDOW_MS }
    return (key) => counts.take(space, key, 1, size)
  },
  library() {
    const limiter = new RateLimiterMemory({ points: AGAIN, duration: WINDOW_MS / 1_000 })
    return (key) => limiter.consume(key)
  },
}

const keys = Array.from({ length: KEYS }, (_, n) => `mem_${(n * 2_654_435_761).toString(36)}`)
const take = counters[process.argv[2] ?? '']?.()
if (take === undefined) throw new Error(`one of ${Object.keys(counters).join(', ')}`)

/** @returns µs of processor time for each */
async function price(times: number, keyOf: (n: number) => string): Promise<number> {
  const before = process.cpuUsage()
  for (let n = 0; n < times; n++) {
    const answer = take?.(keyOf(n))
    if (answer instanceof Promise) await answer
    if (n % 100 === 99) await turn()
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}

const megabytes = (): number => {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1e6
}

const keyAt = (n: number): string => keys[n % WARM_KEYS] ?? ''
await price(100_000, keyAt)
const turnUs = await priceOfTurns()
const takeUs = (await price(AGAIN, keyAt)) - turnUs
const before = megabytes()
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const newKeyUs = (await price(KEYS, (n) => keys[n] ?? '')) - turnUs
const mb = megabytes() - before + (process.argv[2] === 'ours' ? (KEYS * 64) / 1e6 : 0) // the table was made before
await sleep(WINDOW_MS + 2_000) // the library's timers end
delay.disable()
console.log(
  JSON.stringify({ take_us: takeUs, new_key_us: newKeyUs, mb_at_1m_keys: mb, longest_pause_ms: delay.max / 1e6 }),
)
process.exit()

async function priceOfTurns(): Promise<number> {
  const begun = process.cpuUsage()
  for (let n = 0; n < 10_000; n++) await turn()
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / 10_000 / 100
}
