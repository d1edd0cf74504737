import { STATUS_CODES } from 'node:http'
import type { Registry } from 'prom-client'
import type { ProblemCode } from '../kernel/problem.ts'
import { Durations, exposeDurations, exposeTallies, type Tally } from '../platform/prometheus.ts'

export interface RequestMetrics {
  /** One request, once its answer is decided. `route`: its id, or `none`; `code`: of a refusal. */
  observe(route: string, status: number, code: ProblemCode | null, durationMs: number): void
}

type RouteTallies = {
  readonly durations: Durations
  /** Those that nobody defined share one. */
  readonly byStatus: Map<number, Tally>
}

/** Stands for every status that has no meaning. */
const NOBODYS = 0

/** Routes are those of the configuration, codes a closed set; an upstream that makes up statuses makes one series more. */
export function countRequests(registry: Registry): RequestMetrics {
  const routes = new Map<string, RouteTallies>()
  const refusals = new Map<ProblemCode, Tally>()
  exposeTallies(
    registry,
    { name: 'tidegate_requests_total', help: 'Requests answered by the edge', labelNames: ['route', 'status'] },
    () => [...routes.values()].flatMap(({ byStatus }) => [...new Set(byStatus.values())]),
  )
  exposeTallies(
    registry,
    { name: 'tidegate_refusals_total', help: 'Requests refused by the edge, by the code', labelNames: ['code'] },
    () => refusals.values(),
  )
  exposeDurations(
    registry,
    { name: 'tidegate_request_seconds', help: 'From the head read to the answer decided', labelNames: ['route'] },
    () => [...routes.values()].map(({ durations }) => durations),
  )
  return {
    observe(route, status, code, durationMs) {
      const tallies = routes.get(route) ?? added(routes, route, newTallies(route))
      tallies.durations.observe(durationMs / 1_000)
      const answered = tallies.byStatus.get(status) ?? added(tallies.byStatus, status, tallyOf(route, status, tallies))
      answered.count += 1
      if (code === null) return
      const refused = refusals.get(code) ?? added(refusals, code, { labels: { code }, count: 0 })
      refused.count += 1
    },
  }
}

function newTallies(route: string): RouteTallies {
  return { durations: new Durations({ route }), byStatus: new Map() }
}

function tallyOf(route: string, status: number, { byStatus }: RouteTallies): Tally {
  if (STATUS_CODES[status] !== undefined) return { labels: { route, status: String(status) }, count: 0 }
  return byStatus.get(NOBODYS) ?? added(byStatus, NOBODYS, { labels: { route, status: 'other' }, count: 0 })
}

function added<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): Value {
  map.set(key, value)
  return value
}
