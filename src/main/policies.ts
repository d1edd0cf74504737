import { dirname, join } from 'node:path'
import { readRoutes } from '../edge/index.ts'
import { openPolicyStore, type PolicyStore } from '../edge/policy-store.ts'
import { surfaceOf } from '../edge/surface.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Config } from '../platform/config-schema.ts'
import type { Log } from '../platform/log.ts'
import type { Places } from './house.ts'

const LOOK_EVERY_MS = 150

/** The policies of this process, held against its routes. @throws PolicyError */
export async function openPolicies(config: Config, places: Places, clock: Clock, log: Log): Promise<PolicyStore> {
  const pull = config.policies?.pull
  const routes = await readRoutes(config, dirname(places.config))
  return openPolicyStore({
    ...(pull === undefined
      ? { source: { from: 'folder', folder: places.policies }, everyMs: LOOK_EVERY_MS }
      : { source: { from: 'pull', url: pull.url, tokenFile: pull.token_file }, everyMs: pull.every_ms }),
    history: join(places.data, 'policies'),
    against: { surface: surfaceOf(config, routes), countries: config.edge.country_database !== undefined },
    clock,
    log,
  })
}
