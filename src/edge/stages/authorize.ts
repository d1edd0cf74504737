import { Problem } from '../../kernel/problem.ts'
import { type Authorized, add, type Grant, type Metered } from '../exchange.ts'
import { enforce } from './screen.ts'

/** May this caller do this: first the scopes that the route names, then the access rules, which deny unless one allows. */
export function authorize(metered: Metered): Authorized {
  const { route, caller, access, trail } = metered
  const missing = route.scopes.filter((scope) => !caller.scopes.includes(scope))
  if (missing.length > 0) {
    throw new Problem('insufficient_scope', {
      detail: `the token lacks the scope ${missing.join(' ')}`,
      rule: `route/${route.id}`,
      remedy: `ask for a token with the scope ${route.scopes.join(' ')}`,
      headers: {
        'www-authenticate': `Bearer realm="tidegate", error="insufficient_scope", scope="${route.scopes.join(' ')}"`,
      },
    })
  }
  const rule = enforce(trail.bundle.authorize(access, trail.marks), trail)
  trail.rule = rule
  return add(metered, 'grant', { rule } as Grant)
}
