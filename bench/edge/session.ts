import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkOurs, checkRun, type Run } from './account.ts'
import type { Span } from './clients.ts'
import { type Load, startLoad } from './load-process.ts'
import { type Ours, startOurs } from './ours.ts'
import { BARE, startNodePeer, startPeers } from './peers.ts'
import type { Contender } from './proxies.ts'
import type { WorkloadName } from './workloads.ts'

/** What one run measured. Shares are of the core that a side has: 1 is all of it. */
export type Sample = {
  readonly rps: number
  /** Processor time of the proxy for one request; null where the system does not tell. */
  readonly cpuUs: number | null
  readonly proxyShare: number | null
  readonly loadShare: number
}

/** Clients, upstream and proxies, each in a process of its own. Every run is held to have done what it says. */
export type Session = {
  readonly ours: Ours
  readonly peers: readonly Contender[]
  readonly missed: readonly string[]
  closed(proxy: Contender, workload: WorkloadName, span: Span): Promise<Sample>
  paced(proxy: Contender, workload: WorkloadName, perSecond: number, measureMs: number): Promise<Paced>
  /** What clients and upstream do with no proxy between them. */
  without(workload: WorkloadName, span: Span): Promise<Sample>
  /** Requests of ours that were looked at one by one. */
  checked(): number
  close(): Promise<void>
}

export type Paced = { readonly p50Ms: number; readonly p99Ms: number }

type Wanted = {
  readonly peers: 'all' | 'bare' | 'none'
  /** For our process. */
  readonly nodeOptions?: readonly string[]
}

/** Starts everything; when a part does not start, what was started by then is ended. */
export async function openSession(wanted: Wanted): Promise<Session> {
  const started = new AsyncDisposableStack()
  try {
    return await startAll(wanted, started)
  } catch (error) {
    await started.disposeAsync()
    throw error
  }
}

async function startAll({ peers: which, nodeOptions = [] }: Wanted, started: AsyncDisposableStack): Promise<Session> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'))
  started.defer(() => rm(folder, { recursive: true, force: true }))
  const load = await startLoad()
  started.defer(load.stop)
  const ours = await startOurs(folder, load.places, { nodeOptions, ruleset: null })
  started.defer(ours.stop)
  const peers: Contender[] = []
  const keep = (peer: Contender): void => {
    peers.push(peer)
    started.defer(peer.stop)
  }
  if (which === 'bare') keep(await startNodePeer(BARE, load.places))
  const missed = which === 'all' ? await startPeers(folder, load.places, keep) : []
  const check = createChecks(ours)
  return {
    ours,
    peers,
    missed,
    async closed(proxy, workload, span) {
      const run = await load.closed({ port: proxy.port, pid: proxy.pid, workload, span })
      await check.run(proxy, run)
      return sampleOf(run)
    },
    async paced(proxy, workload, perSecond, measureMs) {
      const run = await load.paced({ port: proxy.port, pid: proxy.pid, workload, perSecond, measureMs })
      await check.run(proxy, run)
      return { p50Ms: run.p50Ms, p99Ms: run.p99Ms }
    },
    async without(workload, span) {
      const port = Number(new URL(load.places.upstream).port)
      return sampleOf(await load.closed({ port, pid: 0, workload, span }))
    },
    checked: check.count,
    close: () => started.disposeAsync(),
  }
}

function createChecks(ours: Ours) {
  let checked = 0
  return {
    async run(proxy: Contender, run: Run): Promise<void> {
      checkRun(proxy.name, run)
      if (proxy.port === ours.port) checked += await checkOurs(ours, run, checked)
    },
    count: () => checked,
  }
}

function sampleOf({ answers, ms, loadUs, proxyUs }: Awaited<ReturnType<Load['closed']>>): Sample {
  const us = ms * 1_000
  return {
    rps: (answers * 1_000) / ms,
    cpuUs: proxyUs === null ? null : proxyUs / answers,
    proxyShare: proxyUs === null ? null : proxyUs / us,
    loadShare: loadUs / us,
  }
}
