import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from '../src/kernel/assert.ts'
import { CONNECTIONS, type Span } from './edge/clients.ts'
import { RULES } from './edge/ours.ts'
import { BARE, CARD } from './edge/peers.ts'
import { type Contender, isPinned } from './edge/proxies.ts'
import { lower, medianOf, ratiosTo, type Samples, table } from './edge/samples.ts'
import { openSession, type Session } from './edge/session.ts'
import { readTopTen } from './edge/top-ten.ts'
import { FIRST_SEEN_TOKENS, WORKLOADS, type WorkloadName } from './edge/workloads.ts'
import type { BenchOptions, Measured } from './run.ts'

const ROUNDS = 5
/** V8 goes on compiling for 40,000 requests, beside them and on the same core. By requests: a busy machine compiles as much. */
const WARM_ROUND: Span = { unit: 'requests', warm: 0, measure: 20_000 }
const ROUND: Span = { unit: 'ms', warm: 200, measure: 1_500 }
const FIRST_SEEN: Span = { unit: 'requests', warm: 0, measure: FIRST_SEEN_TOKENS }
const QUICK_ROUND: Span = { unit: 'requests', warm: 40_000, measure: 20_000 }
/** Latency is looked at while the bare proxy would be half busy. */
const PACE = 0.5
const PACED_ROUNDS = 3
const PACED_MS = 4_000

/**
 * What the edge costs: its whole chain against a bare proxy and others, in rounds that take turns; medians.
 * @throws AssertionError when a request was not metered, authorized, forwarded or receipted as it should be
 */
export async function benchEdge({ quick, cpuProf, workload }: BenchOptions): Promise<Measured> {
  const profile = cpuProf ? await mkdtemp(join(tmpdir(), 'tidegate-profile-')) : null
  const nodeOptions = profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const session = await openSession({ peers: quick ? 'bare' : 'all', nodeOptions })
  const startedAt = steadyUs()
  try {
    const measured = quick ? await measureQuickly(session, workload) : await measureAll(session)
    const endedAt = steadyUs()
    await session.close() // our process writes its profile when it ends
    if (profile === null) return measured
    return { ...measured, figures: { ...measured.figures, top_ten: await readTopTen(profile, startedAt, endedAt) } }
  } finally {
    await session.close()
    if (profile !== null) await rm(profile, { recursive: true, force: true })
  }
}

/** Ours and the bare proxy, one round each: for who changes the hot path. */
async function measureQuickly(session: Session, workload: WorkloadName): Promise<Measured> {
  const samples: Samples = new Map()
  for (const proxy of [...session.peers, session.ours]) {
    const span = workload === 'first_seen' ? FIRST_SEEN : QUICK_ROUND
    samples.set(proxy.name, new Map([[workload, [await session.closed(proxy, workload, span)]]]))
  }
  const ratio = ratiosTo(samples, BARE, workload)
  return { ratios: { to_bare_undici: medianOf(ratio) }, figures: table(samples) }
}

async function measureAll(session: Session): Promise<Measured> {
  const proxies = [...session.peers, session.ours]
  for (const proxy of proxies) {
    for (const workload of ['get', 'post', 'mix'] as const) await session.closed(proxy, workload, WARM_ROUND)
  }
  const samples: Samples = new Map(proxies.map(({ name }) => [name, new Map(WORKLOADS.map((each) => [each, []]))]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const workload of WORKLOADS) {
      for (const proxy of takesPart(proxies, workload)) {
        const span = workload === 'first_seen' ? FIRST_SEEN : ROUND
        samples
          .get(proxy.name)
          ?.get(workload)
          ?.push(await session.closed(proxy, workload, span))
      }
    }
  }
  const latency = await measureLatency(session, samples)
  const without = await session.without('get', ROUND)
  return {
    ratios: Object.fromEntries(session.peers.map(({ name }) => [`to_${name}`, lower(samples, name)])),
    figures: {
      ...table(samples),
      ...latency,
      without_proxy_rps: Math.round(without.rps),
      checked_requests: session.checked(),
      ...{ rules: RULES, connections: CONNECTIONS, pinned: isPinned, missed: session.missed },
    },
  }
}

/** A token that was not seen before makes a difference to who looks at tokens. */
function takesPart(proxies: readonly Contender[], workload: WorkloadName): readonly Contender[] {
  return workload === 'first_seen' ? proxies.filter(({ name }) => name === 'tidegate' || name === CARD) : proxies
}

/** What ours adds to the bare proxy's p99 at the same pace, on GET or POST, whichever is worse. */
async function measureLatency(session: Session, samples: Samples): Promise<Record<string, unknown>> {
  const bare = session.peers.find(({ name }) => name === BARE)
  assert(bare !== undefined, 'the bare proxy is always there')
  const added: Record<string, number> = {}
  const p99Ms: Record<string, Record<string, number>> = { [BARE]: {}, tidegate: {} }
  for (const workload of ['get', 'post'] as const) {
    const capacity = medianOf((samples.get(BARE)?.get(workload) ?? []).map(({ rps }) => rps))
    const took: Record<string, number[]> = { [BARE]: [], tidegate: [] }
    for (let round = 0; round < PACED_ROUNDS; round++) {
      for (const proxy of [bare, session.ours]) {
        const paced = await session.paced(proxy, workload, capacity * PACE, PACED_MS)
        took[proxy.name]?.push(paced.p99Ms)
      }
    }
    for (const [name, values] of Object.entries(took))
      Object.assign(p99Ms[name] ?? {}, { [workload]: medianOf(values) })
    added[workload] = medianOf(took['tidegate'] ?? []) - medianOf(took[BARE] ?? [])
  }
  return { p99_added_ms: Math.max(...Object.values(added)), p99_ms: p99Ms }
}

function steadyUs(): number {
  return Number(process.hrtime.bigint() / 1_000n)
}
