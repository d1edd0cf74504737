import type { PrincipalKind } from '../facts.ts'
import type { Match } from '../rules/match.ts'
import type { Surface, SurfaceRoute } from '../surface.ts'
import { ANY_PATH, type Glob, globOfPattern, globOfRoute, overlap } from './glob.ts'

/** Requests that differ in nothing that methods, routes, route tags and kinds of principal can tell apart. */
export type Cell = {
  readonly route: SurfaceRoute
  readonly method: string
  readonly kind: PrincipalKind
  readonly paths: Glob
}

/** Where a `match` can hold: for each cell, by its place in the list, the paths. Cells where it can not are left out. */
export type Region = ReadonlyMap<number, readonly Glob[]>

/** The methods that HTTP and a route's configuration know. */
export const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** All cells of a surface: what a route answers, by whom it can be called. */
export function cellsOf({ routes }: Surface): readonly Cell[] {
  return routes.flatMap((route) => {
    const kinds: readonly PrincipalKind[] = route.isPublic ? ['anonymous'] : ['member', 'operator']
    const paths = globOfRoute(route.path)
    return methodsOf(route).flatMap((method) => kinds.map((kind) => ({ route, method, kind, paths })))
  })
}

/** A route with GET answers HEAD, and rules see the method that was sent. */
function methodsOf({ methods }: SurfaceRoute): readonly string[] {
  return methods.includes('GET') ? [...new Set([...methods, 'HEAD'])] : methods
}

/** Where a match can hold, exactly, but for lists, scopes, roles, tagged and amounts, which cut through all cells alike. */
export function regionOf(match: Match, cells: readonly Cell[]): Region {
  const globs = match.paths?.map(globOfPattern) ?? [ANY_PATH]
  const region = new Map<number, readonly Glob[]>()
  for (const [index, cell] of cells.entries()) {
    if (!mayHold(match, cell)) continue
    const paths = globs.flatMap((glob) => overlap(glob, cell.paths) ?? [])
    if (paths.length > 0) region.set(index, paths)
  }
  return region
}

/** Whether methods, routes, tags and kinds let a match hold in a cell: the same for all its requests. */
export function mayHold(
  { methods, routes, tags, kinds, scopes, roles }: Match,
  { route, method, kind }: Cell,
): boolean {
  if (methods && !methods.includes(method)) return false
  if (routes && !routes.includes(route.id)) return false
  if (tags && !tags.some((tag) => route.tags.includes(tag))) return false
  if (kinds && !kinds.includes(kind)) return false
  return kind !== 'anonymous' || (!scopes && !roles) // who is anonymous holds nothing
}
