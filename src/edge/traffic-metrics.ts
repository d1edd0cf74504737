import { Gauge, type Registry } from 'prom-client'
import { exposeTallies, type Tally } from '../platform/prometheus.ts'

export interface TrafficMetrics {
  /** A receipt was handed to the log. */
  receipted(): void
  /** Risk control gave its verdict on a transfer, for the first time. */
  assessed(outcome: string): void
}

export type TrafficSources = {
  readonly connections: () => Promise<number>
  readonly streams: () => number
  readonly waiting: () => number
  readonly receiptsDropped: () => number
}

const OUTCOMES = ['accept', 'review', 'hold', 'reject'] as const

/** What is open, what was written down, and what risk control said. */
export function countTraffic(
  registry: Registry,
  { connections, streams, waiting, receiptsDropped }: TrafficSources,
): TrafficMetrics {
  const receipts: Tally = { labels: {}, count: 0 }
  const assessments = new Map<string, Tally>(OUTCOMES.map((outcome) => [outcome, { labels: { outcome }, count: 0 }]))
  new Gauge({
    name: 'tidegate_connections',
    help: 'Connections of clients that are open',
    registers: [registry],
    async collect() {
      this.set(await connections())
    },
  })
  const gauge = (name: string, help: string, of: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(of())
      },
    })
  }
  gauge('tidegate_streams', 'Streams that are open', streams)
  gauge('tidegate_waiting', 'Requests that wait for their turn', waiting)
  exposeTallies(
    registry,
    {
      name: 'tidegate_receipts_total',
      help: 'Receipts of requests that were written, those left out by sampling not counted',
    },
    () => [receipts],
  )
  exposeTallies(
    registry,
    { name: 'tidegate_receipts_dropped_total', help: 'Receipts that the disk could not take' },
    () => [{ labels: {}, count: receiptsDropped() }],
  )
  exposeTallies(
    registry,
    {
      name: 'tidegate_assessments_total',
      help: 'Transfers that risk control was asked about, by what it said; a retry that gets the first verdict is none',
      labelNames: ['outcome'],
    },
    () => assessments.values(),
  )
  return {
    receipted() {
      receipts.count += 1
    },
    assessed(outcome) {
      const tally = assessments.get(outcome)
      if (tally !== undefined) tally.count += 1
    },
  }
}
