import { readFileSync } from 'node:fs'
import type { Span } from './edge/clients.ts'
import { openSession } from './edge/session.ts'
import type { BenchOptions, Measured } from './run.ts'

const MINUTE: Span = { unit: 'ms', warm: 0, measure: 60_000 }
const SETTLE: Span = { unit: 'requests', warm: 0, measure: 20_000 }

/** What a process holds, in MB. */
type Held = { readonly minute: number; readonly rss_mb: number; readonly heap_mb: number; readonly requests: number }

/**
 * What the edge holds in memory while it is under as much load as it takes, for so many minutes: reading, moving money, 5 %
 * denied. What it holds at the end should be what it held when everything had been used once.
 */
export async function benchSoak({ minutes }: BenchOptions): Promise<Measured> {
  const session = await openSession({ peers: 'none' })
  try {
    const { ours } = session
    await session.closed(ours, 'mix', SETTLE)
    const held: Held[] = []
    for (let minute = 0; minute <= minutes; minute++) {
      if (minute > 0) await session.closed(ours, 'mix', MINUTE)
      const heap_mb = await heapMb(ours.operator)
      held.push({ minute, rss_mb: rssMb(ours.pid), heap_mb, requests: session.checked() })
    }
    const [first, last] = [held[0]?.rss_mb ?? Number.NaN, held.at(-1)?.rss_mb ?? Number.NaN]
    return { ratios: { rss_end_to_start: Math.round((last / first) * 100) / 100 }, figures: { minutes: held } }
  } finally {
    await session.close()
  }
}

/** Linux only: other systems do not tell in this way. */
function rssMb(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kib) / 1_024)
}

async function heapMb(operator: string): Promise<number> {
  const text = await (await fetch(`${operator}/metrics`)).text()
  const [, bytes] = /^nodejs_heap_size_used_bytes (\S+)$/m.exec(text) ?? []
  return Math.round(Number(bytes) / 2 ** 20)
}
