import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Span } from './edge/clients.ts'
import { startLoad } from './edge/load-process.ts'
import type { Offer, Offered } from './edge/offered.ts'
import { startOurs } from './edge/ours.ts'
import { medianOf } from './edge/samples.ts'
import type { Measured } from './run.ts'

const WARM: Span = { unit: 'ms', warm: 4_000, measure: 500 }
const PEAK: Span = { unit: 'ms', warm: 500, measure: 3_000 }
const ROUNDS = 3
const TIMES_CAPACITY = 3
/** Of the capacity, beside the ordinary requests. */
const MONEY_SHARE = 0.05
/** Clients that share few connections: most of what is offered waits with them. */
const FEW = [256, 1_024]
/** Clients that each have their own, nearly as many as an edge takes: most of what is offered stands before the edge. */
const MANY = 8_192
const CONNECTIONS = [...FEW, MANY]
/** Until refusals come as fast as they do later: many clients wait for seconds, the first of them for all the others. */
const WARM_MS = 4_000
const MEASURE_MS = 4_000

/**
 * What comes of it when three times as many requests arrive as the edge can answer: good answers (2xx within a second)
 * to those at its peak, and how those fare that move money.
 */
export async function benchOverload(): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'))
  const load = await startLoad()
  const ours = await startOurs(folder, load.places, { ruleset: null })
  try {
    const { port, pid } = ours
    const peak = async (span: Span): Promise<Peak> => {
      const { answers, ms, proxyUs } = await load.closed({ port, pid, workload: 'get', span })
      return { peakRps: (answers * 1_000) / ms, peakCpuUs: proxyUs === null ? null : proxyUs / answers }
    }
    await peak(WARM)
    const rounds: Round[] = []
    for (let round = 0; round < ROUNDS; round++) {
      for (const connections of CONNECTIONS) {
        const { peakRps, peakCpuUs } = await peak(PEAK)
        const moneyPerSecond = peakRps * MONEY_SHARE
        const offer: Offer = {
          ...{ ordinaryPerSecond: peakRps * TIMES_CAPACITY, moneyPerSecond, connections },
          ...{ warmMs: WARM_MS, measureMs: MEASURE_MS },
        }
        rounds.push({
          connections,
          peakRps,
          peakCpuUs,
          ...(await load.offered({ port, pid, workload: 'get', ...offer })),
        })
      }
    }
    return measuredOf(rounds)
  } finally {
    await Promise.all([ours.stop(), load.stop()])
    await rm(folder, { recursive: true, force: true })
  }
}

type Peak = { readonly peakRps: number; readonly peakCpuUs: number | null }
type Round = Peak & Offered & { readonly connections: number }

function measuredOf(rounds: readonly Round[]): Measured {
  const byConnections = CONNECTIONS.map((connections) => {
    const these = rounds.filter((round) => round.connections === connections)
    const median = (of: (round: Round) => number): number => medianOf(these.map(of))
    const figures = {
      connections,
      peak_rps: median(({ peakRps }) => peakRps),
      offered_rps: median(({ ordinary, money }) => perSecond(ordinary.offered + money.offered)),
      refused_rps: median(({ ordinary }) => perSecond(ordinary.refused)),
      unsent_rps: median(({ ordinary }) => perSecond(ordinary.unsent)),
      late_rps: median(({ ordinary, money }) => perSecond(ordinary.late + money.late)),
      served_p50_ms: median(({ ordinary }) => ordinary.p50Ms),
      served_p99_ms: median(({ ordinary }) => ordinary.p99Ms),
      money_served_share: median(({ money }) => money.good / money.offered),
      money_p99_ms: median(({ money }) => money.p99Ms),
      /** The part of the processor time that goes into good answers, by what one costs at the peak. */
      cpu_for_good_answers: median(usefulShare),
      answers_of_another_kind: median(({ ordinary, money }) => ordinary.other + money.other),
    }
    return { ratio: median(({ peakRps, ordinary, money }) => perSecond(ordinary.good + money.good) / peakRps), figures }
  })
  const [few, many] = [byConnections.slice(0, FEW.length), byConnections.slice(FEW.length)]
  const worst = (of: typeof byConnections): number => Math.min(...of.map(({ ratio }) => ratio))
  return {
    ratios: {
      goodput_to_peak: worst(few),
      goodput_to_peak_many: worst(many),
      money_served_share: Math.min(...byConnections.map(({ figures }) => figures.money_served_share)),
    },
    figures: Object.fromEntries(
      byConnections.map(({ ratio, figures }) => [
        `connections_${figures.connections}`,
        { goodput_to_peak: ratio, ...figures },
      ]),
    ),
  }
}

function usefulShare({ peakCpuUs, proxyUs, ordinary, money }: Round): number {
  if (peakCpuUs === null || proxyUs === null) return Number.NaN
  return ((ordinary.good + money.good) * peakCpuUs) / proxyUs
}

function perSecond(count: number): number {
  return Math.round((count * 1_000) / MEASURE_MS)
}
