import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '../../src/kernel/clock.ts'
import { followFeed } from '../../src/platform/feed.ts'
import { createLog } from '../../src/platform/log.ts'
import { createOutbox, type Outbox, outboxMigrations } from '../../src/platform/outbox.ts'
import { openFreshPglite } from '../../test/support/stores.ts'

const TOLD_AT_ONCE = 2_000
const PAGE = 100
/** How often memory is looked at while a backlog is worked off. */
const SAMPLES = 20
const BACKLOGS = [10_000, 1_000_000] as const

/** What a follower needs of memory while it works off a backlog, and how fast it does, by how many events wait when it begins. */
export async function measureBacklogs(): Promise<Record<string, { readonly held_mb: number; readonly per_s: number }>> {
  const measured: Record<string, { held_mb: number; per_s: number }> = {}
  for (const backlog of BACKLOGS) {
    const server = await openFreshPglite()
    try {
      const teller = createOutbox(await server.open('cash-flow', [outboxMigrations]), systemClock)
      const listener = createOutbox(await server.open('membership', [outboxMigrations]), systemClock)
      for (let told = 0; told < backlog; told += TOLD_AT_ONCE) await tell(teller, told)
      measured[backlog] = await workOff(teller, listener, backlog)
    } finally {
      await server.close()
    }
  }
  return measured
}

function tell(teller: Outbox, from: number): Promise<void> {
  return teller.transaction(async (_sql, emit) => {
    for (let nth = from; nth < from + TOLD_AT_ONCE; nth++) {
      const data = { operation: `op_${nth}`, transfer: `trf_${nth}`, from: `acc_${nth % 1_000}`, amount: '1.00' }
      emit({ type: 'transfer.posted', subject: `trf_${nth}`, members: [`mem_${nth % 1_000}`], data })
    }
  })
}

/** What nobody holds any more is no part of the measure. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

/** What the engine holds at most for values and buffers, the store's own memory not counted. */
async function workOff(teller: Outbox, listener: Outbox, backlog: number) {
  let [taken, peak] = [0, 0]
  const collectGarbage = garbageCollector()
  const held = (): number => {
    collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = held()
  const done = Promise.withResolvers<void>()
  const began = performance.now()
  const follower = followFeed({
    feed: 'cash-flow',
    async source(after, signal) {
      await nextTurn() // as with a feed that is read at a door, others have their turn between two pages
      return teller.read(after, PAGE, 1_000, signal)
    },
    store: listener,
    log: createLog('silent'),
    async apply() {
      taken += 1
      if (taken % (backlog / SAMPLES) === 0) peak = Math.max(peak, held())
      if (taken === backlog) done.resolve()
    },
  })
  await done.promise
  const seconds = (performance.now() - began) / 1_000
  await follower.close()
  return { held_mb: Math.round((Math.max(peak, before) - before) / 100_000) / 10, per_s: Math.round(backlog / seconds) }
}
