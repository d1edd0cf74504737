import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePorts } from '../src/cli/demo/free-ports.ts'
import { assert } from '../src/kernel/assert.ts'
import { checkRun } from './edge/account.ts'
import { CONNECTIONS, type Span } from './edge/clients.ts'
import { type Load, startLoad } from './edge/load-process.ts'
import { startOurs } from './edge/ours.ts'
import { type Contender, isPinned, startProxy } from './edge/proxies.ts'
import { medianOf } from './edge/samples.ts'
import { loadCoreRuleSet } from './firewall/load-cost.ts'
import { configureModSecurity, DEBIAN_RULES, missingModSecurity } from './peers/modsecurity.ts'
import type { Measured } from './run.ts'

const ROUNDS = 5
const WARM: Span = { unit: 'requests', warm: 0, measure: 20_000 }
const WARM_PEER: Span = { unit: 'requests', warm: 0, measure: 500 }
const ROUND: Span = { unit: 'ms', warm: 200, measure: 1_500 }
const WORKLOADS = ['get', 'post'] as const

const PEER = 'nginx_modsecurity'
/** By whose requests per second what is added is told. */
const PLAIN = 'tidegate_without'
const OURS = 'tidegate_crs'
const SIGNATURES = 'tidegate_signatures'

type Sample = { readonly rps: number; readonly cpuUs: number }

/**
 * What the Core Rule Set costs, in the edge and in nginx with ModSecurity 3, on one core, in rounds that take turns; medians.
 * The edge does all it does besides: tokens, quotas, rules, receipts. Added is the processor time of a request with it, less
 * that without.
 */
export async function benchFirewall(): Promise<Measured> {
  const missed = missingModSecurity()
  if (missed !== null) return { ratios: {}, figures: { missed: [missed] } }
  const started = new AsyncDisposableStack()
  try {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'))
    started.defer(() => rm(folder, { recursive: true, force: true }))
    const load = await startLoad()
    started.defer(load.stop)
    const contenders: Contender[] = []
    for (const [name, ruleset] of [
      [PLAIN, null],
      [SIGNATURES, undefined],
      [OURS, DEBIAN_RULES.rules],
    ] as const) {
      const own = join(folder, name)
      await mkdir(join(own, 'config'), { recursive: true })
      const ours = await startOurs(own, load.places, { name, ...(ruleset === undefined ? {} : { ruleset }) })
      started.defer(ours.stop)
      contenders.push(ours)
    }
    const port = await findFreePorts()
    const args = await configureModSecurity(folder, port, load.places.upstream.replace('http://', ''))
    const peer = await startProxy(PEER, port, ['/usr/sbin/nginx', ...args])
    started.defer(peer.stop)
    return figuresOf(await measure(load, [...contenders, peer]))
  } finally {
    await started.disposeAsync()
  }
}

async function measure(load: Load, contenders: readonly Contender[]): Promise<ReadonlyMap<string, readonly Sample[]>> {
  for (const { name, port, pid } of contenders) {
    const span = name === PEER ? WARM_PEER : WARM
    for (const workload of WORKLOADS) checkRun(name, await load.closed({ port, pid, workload, span }))
  }
  const samples = new Map<string, Sample[]>()
  for (let round = 0; round < ROUNDS; round++) {
    for (const workload of WORKLOADS) {
      for (const { name, port, pid } of contenders) {
        const run = await load.closed({ port, pid, workload, span: ROUND })
        checkRun(name, run)
        const key = `${name} ${workload}`
        const sample = { rps: (run.answers * 1_000) / run.ms, cpuUs: (run.proxyUs ?? Number.NaN) / run.answers }
        samples.set(key, [...(samples.get(key) ?? []), sample])
      }
    }
  }
  return samples
}

function figuresOf(samples: ReadonlyMap<string, readonly Sample[]>): Measured {
  const of = (name: string, workload: string): readonly Sample[] => {
    const found = samples.get(`${name} ${workload}`)
    assert(found !== undefined, `${name} was asked for ${workload}`)
    return found
  }
  const ratio = (workload: string): number =>
    medianOf(of(OURS, workload).map(({ rps }, round) => rps / (of(PEER, workload)[round]?.rps ?? Number.NaN)))
  const added = (name: string, workload: string): number =>
    medianOf(of(name, workload).map(({ cpuUs }, round) => cpuUs - (of(PLAIN, workload)[round]?.cpuUs ?? Number.NaN)))
  const table = (figure: keyof Sample) =>
    Object.fromEntries([...samples].map(([key, all]) => [key, medianOf(all.map((sample) => sample[figure]))]))
  return {
    ratios: { to_modsecurity: Math.min(ratio('get'), ratio('post')), get: ratio('get'), post: ratio('post') },
    figures: {
      post_added_us: added(OURS, 'post'),
      get_added_us: added(OURS, 'get'),
      signatures_post_added_us: added(SIGNATURES, 'post'),
      signatures_get_added_us: added(SIGNATURES, 'get'),
      ...loadCoreRuleSet(DEBIAN_RULES.rules),
      rps: table('rps'),
      cpu_us: table('cpuUs'),
      ...{ connections: CONNECTIONS, pinned: isPinned },
    },
  }
}
