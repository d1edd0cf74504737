import type { Log } from '../../platform/log.ts'
import { endpointsOf, type UpstreamConfig } from '../../platform/upstream-config.ts'
import { Endpoint } from './endpoint.ts'
import { EndpointSet } from './endpoint-set.ts'
import { checkHealth } from './health-checks.ts'
import { RetryBudget } from './retry-budget.ts'
import type { Sending, SendingDeps } from './sending.ts'
import { UnderWay } from './under-way.ts'

/** How often time is looked at: deadlines and ejections end at most so much later. */
const TICK_MS = 100
const ATTEMPTS_MAX = 2

/**
 * The endpoints of an upstream with what keeps them: health checks, the end of ejections, the deadlines of what is under way.
 * @throws Error where the configuration contradicts itself
 */
export function openEndpoints(
  name: string,
  config: UpstreamConfig,
  log: Log,
): SendingDeps & { close(): Promise<void> } {
  const connectionsMax = config.connections_max ?? config.running_max
  const pendingMax = config.pending_max ?? connectionsMax
  const all = endpointsOf(name, config).map((origin) => new Endpoint(origin, connectionsMax, pendingMax))
  const endpoints = new EndpointSet(all, config.ejection)
  const budget = new RetryBudget(config.retries)
  const underWay = new UnderWay<Sending>()
  const health = config.health === undefined ? null : checkHealth(endpoints, config.health, log)
  const ticking = setInterval(() => {
    const now = performance.now()
    endpoints.tick(now)
    budget.tick(now)
    for (const sending of underWay) sending.giveUpAfter(now)
  }, TICK_MS).unref()
  return {
    endpoints,
    budget,
    attemptsMax: config.retries?.attempts_max ?? ATTEMPTS_MAX,
    underWay,
    async close() {
      await health?.close()
      await endpoints.close() // what is under way ends, at its deadline at the latest
      clearInterval(ticking)
    },
  }
}
