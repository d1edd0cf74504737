import type { Config } from '../platform/config-schema.ts'
import type { Surface, SurfaceCall } from '../policy/index.ts'
import type { Route, RouteTable } from './route-table.ts'
import { KEYS_DEADLINE_MS } from './token-verifier.ts'

/** The routes as a check of policies sees them. */
export function surfaceOf(config: Config, { routes }: RouteTable): Surface {
  return {
    routes: routes.map((route) => ({
      id: route.id,
      host: route.host,
      path: route.path,
      methods: route.methods,
      tags: route.tags,
      scopes: route.scopes,
      isPublic: route.isPublic,
      upstream: route.upstream,
      assess: route.assess,
      budgetMs: route.budgetMs,
      calls: callsOf(config, route),
      body: route.bodySchema,
    })),
  }
}

/** In the order of the stages; of a stream, until its head: how much it says is not known before. */
function callsOf({ upstreams, risk }: Config, { isPublic, assess, upstream }: Route): readonly SurfaceCall[] {
  const calls: SurfaceCall[] = []
  if (!isPublic) calls.push({ to: "the issuer's keys", deadlineMs: KEYS_DEADLINE_MS })
  if (assess !== null) calls.push({ to: 'risk control', deadlineMs: risk.assess_timeout_ms })
  calls.push({ to: upstream, deadlineMs: upstreams[upstream]?.timeout_ms ?? 0 })
  return calls
}
