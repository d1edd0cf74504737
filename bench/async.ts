import type { AsyncResult } from '../test/chaos/async/async-chaos.ts'
import { skipWithoutKafka } from '../test/support/kafka.ts'
import { openTestRun } from '../test/support/test-run.ts'
import type { Measured } from './run.ts'

const TRANSFERS = 3_000

/**
 * Transfers through the whole platform in a process of its own, 24 at a time: accepted to be made later, by either log, beside
 * the synchronous path. Completed: each member's endpoint was told. `push_ms`: from the 202 (or 201) to that webhook. Besides, what
 * a shard makes while another one is slow, and what a follower needs of memory, by how much waits for it.
 */
export async function benchAsync(): Promise<Measured> {
  const run = await openTestRun()
  Object.assign(process.env, run.environment)
  try {
    const { runAsync } = await import('../test/chaos/async/async-chaos.ts')
    const { measureSlowShard } = await import('./async/slow-shard.ts')
    const { measureBacklogs } = await import('./async/backlog.ts')
    const base = { transfers: TRANSFERS, seed: 0, kills: 0 } as const
    const results: Record<string, AsyncResult> = {
      synchronous: await runAsync({ ...base, log: 'embedded', wantsAsync: false }),
      embedded: await runAsync({ ...base, log: 'embedded', wantsAsync: true }),
    }
    if (skipWithoutKafka === false) results['kafka'] = await runAsync({ ...base, log: 'kafka', wantsAsync: true })
    const of = <T>(figure: (result: AsyncResult) => T): Record<string, T> =>
      Object.fromEntries(Object.entries(results).map(([name, result]) => [name, figure(result)]))
    const slow = await measureSlowShard()
    return {
      ratios: { goodput_beside_slow_shard: slow.goodput },
      figures: {
        ...slow.figures,
        backlog: await measureBacklogs(),
        accepted_per_s: of(({ acceptedPerS }) => acceptedPerS),
        completed_per_s: of(({ completedPerS }) => completedPerS),
        push_ms: of(({ push }) => push),
        wrong: of(({ lost, doubled, stuck }) => lost + doubled + stuck),
        ...(skipWithoutKafka === false ? {} : { kafka: skipWithoutKafka }),
      },
    }
  } finally {
    await run.close()
  }
}
