import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Measured } from './run.ts'

/** Each in a process of its own, so that one's memory and timers are not the other's. */
const COUNTERS = ['ours', 'library'] as const

type Figures = Readonly<Record<string, number>>

/** A million keys in the memory of one edge: our table of counts beside the memory limiter of rate-limiter-flexible. */
export async function benchQuotas(): Promise<Measured> {
  const script = fileURLToPath(new URL('quotas/counter-process.ts', import.meta.url))
  const measured: Record<string, Figures> = {}
  for (const counter of COUNTERS) {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, counter])
    measured[counter] = JSON.parse(stdout) as Figures
  }
  const of = (figure: string) => (measured['library']?.[figure] ?? 0) / (measured['ours']?.[figure] ?? 1)
  return {
    ratios: { library_to_ours_us: of('take_us'), library_to_ours_mb: of('mb_at_1m_keys') },
    figures: measured,
  }
}
