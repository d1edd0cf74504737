import { dirname, join } from 'node:path'
import { readRoutes } from '../edge/index.ts'
import { openPolicyStore, type PolicyStore } from '../edge/policy-store.ts'
import { surfaceOf } from '../edge/surface.ts'
import { redisUrl } from '../platform/redis.ts'
import type { House } from './house.ts'

const LOOK_EVERY_MS = 150

type Needed = Pick<House, 'config' | 'places' | 'environment' | 'clock' | 'log'>

/** The policies of this process, held against its routes. @throws PolicyError */
export async function openPolicies({ config, places, environment, clock, log }: Needed): Promise<PolicyStore> {
  const pull = config.policies?.pull
  const routes = await readRoutes(config, dirname(places.config))
  return openPolicyStore({
    ...(pull === undefined
      ? { source: { from: 'folder', folder: places.policies }, everyMs: LOOK_EVERY_MS }
      : { source: { from: 'pull', url: pull.url, tokenFile: pull.token_file }, everyMs: pull.every_ms }),
    history: join(places.data, 'policies'),
    against: {
      surface: surfaceOf(config, routes),
      countries: config.edge.country_database !== undefined,
      shared: redisUrl(config, environment) !== null,
    },
    clock,
    log,
  })
}
