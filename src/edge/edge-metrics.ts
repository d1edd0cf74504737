import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Clock } from '../kernel/clock.ts'
import type { ServiceClient } from '../platform/service-client.ts'
import type { Bundle } from '../policy/index.ts'
import type { PlatformBreakers } from './breaker-board.ts'
import { watchBreakers } from './breaker-metrics.ts'
import { exposeDesk } from './desk-metrics.ts'
import { countForwards, type ForwardMetrics } from './forward-metrics.ts'
import type { PolicyStatus } from './policy-serving.ts'
import { type QuotaSources, watchQuotas } from './quotas/metrics.ts'
import { countRequests, type RequestMetrics } from './request-metrics.ts'
import type { Revocations } from './revocations.ts'
import { countRules, type RuleMetrics } from './rule-metrics.ts'
import type { EdgeTls } from './tls.ts'
import { watchTls } from './tls-metrics.ts'
import { watchTokens } from './token-metrics.ts'
import type { TokenVerification } from './token-verifier.ts'
import { countTraffic, type TrafficMetrics, type TrafficSources } from './traffic-metrics.ts'
import { countUnchecked } from './unchecked-metrics.ts'
import type { Upstream } from './upstream.ts'
import { watchUpstreams } from './upstream-metrics.ts'

export interface EdgeMetrics extends RequestMetrics, RuleMetrics, ForwardMetrics, TrafficMetrics {
  /** A transfer passed without an answer of the fraud provider. */
  passedUnchecked(): void
  /** The Prometheus text format. */
  text(): Promise<string>
}

/**
 * Metrics of the edge; labels are route ids, statuses, upstream names and rules, so their number is bounded by the config
 * and the policies.
 */
export function createEdgeMetrics(sources: {
  readonly breakers: PlatformBreakers
  readonly upstreams: readonly Upstream[]
  readonly traffic: TrafficSources
  readonly quotas: QuotaSources
  readonly policies: () => PolicyStatus
  readonly risk: ServiceClient
  readonly bundle: () => Bundle
  readonly tls: EdgeTls | null
  readonly issuers: TokenVerification['issuers']
  readonly revocations: Revocations
  readonly clock: Clock
}): EdgeMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  watchBreakers(registry, sources.breakers)
  watchUpstreams(registry, sources.upstreams)
  watchQuotas(registry, sources.quotas)
  watchPolicies(registers, sources.policies)
  if (sources.tls !== null) watchTls(registry, sources.tls.status)
  watchTokens(registry, sources)
  exposeDesk(registry, sources.risk)
  return {
    ...countRequests(registry),
    ...countRules(registry, sources.bundle),
    ...countForwards(registry, sources.upstreams),
    ...countTraffic(registry, sources.traffic),
    passedUnchecked: countUnchecked(registry, sources.risk, sources.bundle),
    text: () => registry.metrics(),
  }
}

/** Several edges can be compared by the digest; each tells of one bundle and one source at a time. */
function watchPolicies(registers: Registry[], status: () => PolicyStatus): void {
  new Gauge({
    name: 'tidegate_policy_rejected',
    help: '1 while the newest edit of the policies is not in force: broken, or its source can not be read',
    registers,
    collect() {
      this.set(status().rejected === null ? 0 : 1)
    },
  })
  new Gauge({
    name: 'tidegate_policy_bundle_info',
    help: 'The bundle in force and where it was taken from: folder, pull, history (the last good one) or rollback',
    labelNames: ['digest', 'source'],
    registers,
    collect() {
      const { bundle, source } = status()
      this.reset()
      this.set({ digest: bundle, source }, 1)
    },
  })
  new Gauge({
    name: 'tidegate_policy_loaded_timestamp_seconds',
    help: 'When the bundle in force was compiled, in seconds since the epoch',
    registers,
    collect() {
      this.set(Date.parse(status().loaded) / 1000)
    },
  })
}
