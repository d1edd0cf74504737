import type { Registry } from 'prom-client'
import { Durations, exposeDurations, exposeTallies, type Tally } from '../platform/prometheus.ts'
import type { Forwarded } from './exchange.ts'
import type { Upstream } from './upstream.ts'

export interface ForwardMetrics {
  /** What became of a request that was meant for this upstream, after that long. */
  forwarded(upstream: string, outcome: Forwarded, durationMs: number): void
}

type UpstreamTallies = { readonly durations: Durations; readonly byOutcome: Readonly<Record<Forwarded, Tally>> }

/** Upstreams are those of the configuration: their series are there before the first request. */
export function countForwards(registry: Registry, upstreams: readonly Pick<Upstream, 'name'>[]): ForwardMetrics {
  const tallies = new Map(upstreams.map(({ name }) => [name, talliesOf(name)]))
  exposeTallies(
    registry,
    {
      name: 'tidegate_upstream_requests_total',
      help: 'Requests meant for the upstream: answered, not_sent, refused (by its breaker), lost, or unknown (money may have moved)',
      labelNames: ['upstream', 'outcome'],
    },
    () => [...tallies.values()].flatMap(({ byOutcome }) => Object.values(byOutcome)),
  )
  exposeDurations(
    registry,
    {
      name: 'tidegate_upstream_seconds',
      help: 'What a request spent with its upstream, from being sent to its answer, or the head of a stream',
      labelNames: ['upstream'],
    },
    () => [...tallies.values()].map(({ durations }) => durations),
  )
  return {
    forwarded(upstream, outcome, durationMs) {
      const found = tallies.get(upstream)
      if (found === undefined) return
      found.byOutcome[outcome].count += 1
      if (outcome !== 'not_sent' && outcome !== 'refused') found.durations.observe(durationMs / 1_000)
    },
  }
}

function talliesOf(upstream: string): UpstreamTallies {
  const tally = (outcome: Forwarded): Tally => ({ labels: { upstream, outcome }, count: 0 })
  return {
    durations: new Durations({ upstream }),
    byOutcome: {
      answered: tally('answered'),
      not_sent: tally('not_sent'),
      refused: tally('refused'),
      lost: tally('lost'),
      unknown: tally('unknown'),
    },
  }
}
