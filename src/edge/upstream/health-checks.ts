import { Pool } from 'undici'
import { keepDoing } from '../../platform/every.ts'
import type { Log } from '../../platform/log.ts'
import type { HealthConfig } from '../../platform/upstream-config.ts'
import type { EndpointSet } from './endpoint-set.ts'

const UNHEALTHY_AFTER = 3
const HEALTHY_AFTER = 2
/** More of a body is not read: its status is all that a check says. */
const BODY_BYTES_MAX = 65_536

/**
 * Asks each endpoint again and again whether it can serve, on a new connection each time, so that one who takes no more of
 * them is found out. Until several answers in a row say otherwise, it counts as what it was: at first as healthy.
 */
export function checkHealth(set: EndpointSet, config: HealthConfig, log: Log): { close(): Promise<void> } {
  const { unhealthy_after: unhealthyAfter = UNHEALTHY_AFTER, healthy_after: healthyAfter = HEALTHY_AFTER } = config
  const rounds = set.all.map((endpoint) => {
    const connections = new Pool(endpoint.origin, { allowH2: false, pipelining: 0 })
    let contrary = 0
    const round = keepDoing({
      name: `health of ${endpoint.name}`,
      everyMs: config.every_ms,
      log,
      async work() {
        const isWell = await answersWell(connections, config)
        contrary = isWell === endpoint.healthy ? 0 : contrary + 1
        if (contrary < (isWell ? healthyAfter : unhealthyAfter)) return false
        if (contrary > 0) {
          contrary = 0
          set.judge(endpoint, isWell)
          log.warn({ endpoint: endpoint.name }, isWell ? 'an endpoint is healthy again' : 'an endpoint is not healthy')
        }
        return false
      },
    })
    return {
      async close() {
        await round.close()
        await connections.close()
      },
    }
  })
  return {
    async close() {
      await Promise.all(rounds.map((round) => round.close()))
    },
  }
}

async function answersWell(connections: Pool, { path, timeout_ms: timeoutMs, status }: HealthConfig): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const answer = await connections.request({ path, method: 'GET', signal })
    await answer.body.dump({ limit: BODY_BYTES_MAX, signal })
    return status === undefined ? answer.statusCode >= 200 && answer.statusCode < 300 : answer.statusCode === status
  } catch {
    return false // no connection, no answer, not in time, none that can be read: all the same here
  }
}
