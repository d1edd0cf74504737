import { Problem } from '../../kernel/problem.ts'
import type { RequestFacts } from '../../policy/index.ts'
import { corsHeaders } from '../cors.ts'
import type { CountryDatabase } from '../country-database.ts'
import { type Admitted, add, type Routed } from '../exchange.ts'
import type { Route, RouteMatch, RouteTable } from '../route-table.ts'
import { askedMethod } from './preflight.ts'

/** Finds the route. What is not listed is not served; a token in the query is refused before anything logs it. */
export function createRoute(table: RouteTable, countryOf: CountryDatabase['countryOf']) {
  const shown = new Map(table.routes.map((each) => [each, shownOf(each)]))
  return function route(admitted: Admitted): Routed {
    const { method, path, query, headers, source, trail } = admitted
    const { match, asked } = find(table, admitted)
    if (match.kind === 'no_route') throw new Problem('route_not_found')
    if (match.kind === 'wrong_method') {
      const allow = match.allowed.join(', ')
      throw new Problem('method_not_allowed', { detail: `the route takes ${allow}`, headers: { allow } })
    }
    trail.route = match.route.id
    trail.cors = corsHeaders(match.route.cors, headers.get('origin'))
    const parameters = query === '' ? NO_PARAMETERS : joined(query)
    if (parameters.has('access_token')) {
      // RFC 9700 section 4.3.2: tokens in URLs end up in logs and histories.
      throw new Problem('invalid_token', {
        detail: 'a token is sent in the Authorization header only',
        headers: { 'www-authenticate': 'Bearer realm="tidegate", error="invalid_request"' },
      })
    }
    // Frameworks let it choose the method, so that the upstream would do another thing than the rules were asked about.
    if (parameters.has('_method')) throw new Problem('malformed_request', { detail: 'the query names another method' })
    const facts = {
      request: { method, path, query: recordOf(parameters), headers: recordOf(headers) },
      source: { ...source, country: countryOf(source.ip) },
      route: shown.get(match.route) ?? shownOf(match.route),
      now: trail.startedAt,
    }
    trail.facts = facts
    trail.scopesNeeded = match.route.scopes
    return add(add(add(admitted, 'route', match.route), 'facts', facts), 'asked', asked)
  }
}

function shownOf({ id, path, tags, upstream }: Route): RequestFacts['route'] {
  return { id, path, tags, upstream }
}

/** A preflight finds the route whose request it asks about, where that one says anything about other origins. */
function find(table: RouteTable, admitted: Admitted): { readonly match: RouteMatch; readonly asked: string | null } {
  const { host, method, path } = admitted
  const asked = askedMethod(admitted)
  const match = asked === null ? null : table.match(host, asked, path)
  if (match?.kind === 'route' && match.route.cors !== null) return { match, asked }
  return { match: table.match(host, method, path), asked: null }
}

/** `Object.fromEntries`, which takes four times as long; to an assignment alone one name means something else. */
function recordOf(entries: ReadonlyMap<string, string>): Record<string, string> {
  if (entries.has('__proto__')) return Object.fromEntries(entries)
  const record: Record<string, string> = {}
  for (const [name, value] of entries) record[name] = value
  return record
}

const NO_PARAMETERS: ReadonlyMap<string, string> = new Map()

/** A name that stands twice shows all its values to the rules, whichever of them the upstream will read. */
function joined(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    const known = parameters.get(name)
    parameters.set(name, known === undefined ? value : `${known},${value}`)
  }
  return parameters
}
