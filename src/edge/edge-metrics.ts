import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '../kernel/clock.ts'
import type { ServiceClient } from '../platform/service-client.ts'
import type { Bundle } from '../policy/index.ts'
import type { PolicyStatus } from './policy-serving.ts'
import type { Revocations } from './revocations.ts'
import type { EdgeTls } from './tls.ts'
import { watchTls } from './tls-metrics.ts'
import { watchTokens } from './token-metrics.ts'
import type { TokenVerification } from './token-verifier.ts'
import { countUnchecked } from './unchecked-metrics.ts'
import type { Upstream } from './upstream.ts'

export interface EdgeMetrics {
  observe(route: string, status: number, durationMs: number): void
  /** A connection was closed unread, by this rule. */
  connectionRefused(rule: string): void
  /** Counts those of the rules that could not be evaluated. */
  ruleErrors(considered: readonly { readonly rule: string; readonly outcome: string; readonly detail?: string }[]): void
  /** A transfer passed without an answer of the fraud provider. */
  passedUnchecked(): void
  /** The Prometheus text format. */
  text(): Promise<string>
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/**
 * Metrics of the edge; labels are route ids, status classes, upstream names and rules, so their number is bounded by the
 * config and the policies.
 */
export function createEdgeMetrics(sources: {
  readonly upstreams: readonly Upstream[]
  readonly decisionsDropped: () => number
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
  const requests = new Counter({
    name: 'tidegate_requests_total',
    help: 'Requests answered by the edge',
    labelNames: ['route', 'status'],
    registers,
  })
  const seconds = new Histogram({
    name: 'tidegate_request_seconds',
    help: 'From the head read to the answer decided',
    labelNames: ['route'],
    buckets: SECONDS,
    registers,
  })
  const connectionsRefused = new Counter({
    name: 'tidegate_connections_refused_total',
    help: 'Connections closed when they were accepted, by the rule that refused them',
    labelNames: ['rule'],
    registers,
  })
  const ruleErrors = new Counter({
    name: 'tidegate_policy_errors_total',
    help: 'Requests on which the rule could not be evaluated',
    labelNames: ['rule'],
    registers,
  })
  new Gauge({
    name: 'tidegate_breaker_open',
    help: '1 while the breaker of the upstream lets nothing through',
    labelNames: ['upstream'],
    registers,
    collect() {
      for (const { name, breaker } of sources.upstreams)
        this.set({ upstream: name }, breaker.state() === 'open' ? 1 : 0)
    },
  })
  new Gauge({
    name: 'tidegate_decisions_dropped',
    help: 'Decisions that the disk could not take',
    registers,
    collect() {
      this.set(sources.decisionsDropped())
    },
  })
  watchPolicies(registers, sources.policies)
  if (sources.tls !== null) watchTls(registry, sources.tls.status)
  watchTokens(registry, sources)
  return {
    observe(route, status, durationMs) {
      requests.inc({ route, status: String(status) })
      seconds.observe({ route }, durationMs / 1000)
    },
    connectionRefused: (rule) => connectionsRefused.inc({ rule }),
    ruleErrors(considered) {
      for (const { rule, outcome, detail } of considered) {
        if (outcome === 'error' || detail !== undefined) ruleErrors.inc({ rule })
      }
    },
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
