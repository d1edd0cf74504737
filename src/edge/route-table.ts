import { LiteralMap } from '../kernel/literal-map.ts'
import type { RouteConfig } from '../platform/config-schema.ts'
import type { Checked } from '../platform/schema.ts'
import type { Cors } from './cors.ts'
import type { StreamLimits } from './open-streams.ts'
import type { JsonSchema } from './openapi-body.ts'

/** A route as the edge serves it. */
export type Route = {
  readonly id: string
  /** The Host it answers to; null for every host. */
  readonly host: string | null
  readonly path: string
  readonly methods: readonly string[]
  readonly upstream: string
  readonly isPublic: boolean
  readonly scopes: readonly string[]
  readonly tags: readonly string[]
  readonly needsIdempotencyKey: boolean
  readonly assess: 'transfer' | null
  /** Null: its answers are read whole before they are passed on. */
  readonly stream: StreamLimits | null
  /** What a connection may be turned into; null: an upgrade is an ordinary request. */
  readonly upgrade: 'websocket' | null
  readonly runningMax: number | null
  /** Of one principal; without a token, of one address. */
  readonly runningPerPrincipalMax: number | null
  readonly bodyBytesMax: number
  /** Null: no page of another origin may use it. */
  readonly cors: Cors | null
  readonly budgetMs: number | null
  /** Of its request body, from the route's OpenAPI file. */
  readonly bodySchema: JsonSchema | null
  /** Whether the schema allows only harmless text where a JSON Pointer leads, by its parts. Null without a schema. */
  readonly pinned: ((pointer: readonly string[]) => boolean) | null
  /** Checks a body by the route's OpenAPI file; null where the body is passed as it is. */
  readonly checkBody: ((value: unknown) => Checked<unknown>) | null
}

export type RouteMatch =
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'no_route' }
  | { readonly kind: 'wrong_method'; readonly allowed: readonly string[] }

export interface RouteTable {
  readonly routes: readonly Route[]
  match(host: string, method: string, path: string): RouteMatch
}

/** One segment of the paths we know: a literal, or a parameter that stands for any one segment. */
type Node = {
  readonly literals: LiteralMap<Node>
  parameter: Node | null
  /** Routes that end here, and those that take the rest of the path. */
  readonly ends: HostedRoute[]
  readonly tails: HostedRoute[]
}
type HostedRoute = { readonly host: string | null; readonly route: Route }

/**
 * Builds the table. Paths are a tree of segments: a literal wins over a parameter, a parameter over a tail, so a match costs
 * the depth of the path, not the number of routes. @throws Error when two routes answer the same request
 */
export function createRouteTable(
  entries: readonly { readonly config: RouteConfig; readonly route: Route }[],
): RouteTable {
  const root = emptyNode()
  for (const { config, route } of entries) insert(root, config.host?.toLowerCase() ?? null, route)
  return {
    routes: entries.map(({ route }) => route),
    match(host, method, path) {
      const found = find(root, path.split('/').slice(1), 0, host)
      if (found.length === 0) return { kind: 'no_route' }
      const wanted = method === 'HEAD' ? 'GET' : method
      const hit = found.find(({ route }) => route.methods.includes(wanted))
      return hit === undefined
        ? { kind: 'wrong_method', allowed: allowedOf(found) }
        : { kind: 'route', route: hit.route }
    },
  }
}

/** `{name}`: stands for any one segment. */
export function isParameter(segment: string): boolean {
  return /^\{[a-z_]+\}$/i.test(segment)
}

/** `{name*}`: takes the rest of the path. */
export function isTail(segment: string): boolean {
  return /^\{[a-z_]+\*\}$/i.test(segment)
}

/** With HEAD wherever GET is: it is answered by the same route. */
function allowedOf(found: readonly HostedRoute[]): readonly string[] {
  const methods = found.flatMap(({ route }) => route.methods)
  return [...new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods)].sort()
}

function insert(root: Node, host: string | null, route: Route): void {
  let node = root
  const segments = route.path.split('/').slice(1)
  const hasTail = isTail(segments.at(-1) ?? '')
  for (const segment of hasTail ? segments.slice(0, -1) : segments) {
    if (isParameter(segment)) {
      node.parameter ??= emptyNode()
      node = node.parameter
    } else {
      if (/[{}*]/.test(segment)) throw new Error(`route ${route.id}: ${JSON.stringify(segment)} is not a path segment`)
      node = node.literals.at(segment, emptyNode)
    }
  }
  const list = hasTail ? node.tails : node.ends
  const rival = list.find((other) => other.host === host && other.route.methods.some((m) => route.methods.includes(m)))
  if (rival !== undefined) throw new Error(`routes ${rival.route.id} and ${route.id} answer the same requests`)
  list.push({ host, route })
}

/** The routes of the most specific path that matches; several where they differ by method. */
function find(node: Node, segments: readonly string[], at: number, host: string): readonly HostedRoute[] {
  const segment = segments[at]
  if (segment === undefined) return ofHost(node.ends, host)
  const literal = node.literals.get(segment)
  const deeper = literal === undefined ? [] : find(literal, segments, at + 1, host)
  if (deeper.length > 0) return deeper
  const parameter = node.parameter === null || segment === '' ? [] : find(node.parameter, segments, at + 1, host)
  return parameter.length > 0 ? parameter : ofHost(node.tails, host)
}

/** Routes named for this host win over those for every host. */
function ofHost(routes: readonly HostedRoute[], host: string): readonly HostedRoute[] {
  const named = routes.filter((candidate) => candidate.host === host)
  return named.length > 0 ? named : routes.filter((candidate) => candidate.host === null)
}

function emptyNode(): Node {
  return { literals: new LiteralMap(), parameter: null, ends: [], tails: [] }
}
