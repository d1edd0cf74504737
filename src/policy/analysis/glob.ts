/**
 * A set of paths, as a rule's `paths` or a route describe it. A segment is a literal, `*` (any that is not empty) or `**`
 * (any, the empty one too); `isOpen` takes any further segments.
 */
export type Glob = { readonly segments: readonly string[]; readonly isOpen: boolean }

export const ANY_PATH: Glob = { segments: [], isOpen: true }

/** The paths of a pattern in `match.paths`: `*` is one segment, a last `**` any rest, none included. */
export function globOfPattern(pattern: string): Glob {
  const isOpen = pattern.endsWith('/**')
  return { segments: pattern.split('/').slice(0, isOpen ? -1 : undefined), isOpen }
}

/** The paths of a route: `{…}` is one segment, a last `{…*}` at least one more. */
export function globOfRoute(path: string): Glob {
  const segments = path.split('/')
  const isOpen = /^\{[^}]*\*\}$/.test(segments.at(-1) ?? '')
  return {
    segments: segments.map((it) => (/^\{[^}]*\*\}$/.test(it) ? '**' : /^\{[^}]*\}$/.test(it) ? '*' : it)),
    isOpen,
  }
}

/** The paths that are in both; null when there are none. The overlap of two such sets is such a set again. */
export function overlap(a: Glob, b: Glob): Glob | null {
  const length = Math.max(a.segments.length, b.segments.length)
  const isTooLong = (it: Glob) => !it.isOpen && it.segments.length < length
  if (isTooLong(a) || isTooLong(b)) return null
  const segments: string[] = []
  for (let at = 0; at < length; at++) {
    const both = segmentInBoth(a.segments[at] ?? '**', b.segments[at] ?? '**')
    if (both === null) return null
    segments.push(both)
  }
  return { segments, isOpen: a.isOpen && b.isOpen }
}

/** Whether every path of `inner` is in `outer`. */
export function covers(outer: Glob, inner: Glob): boolean {
  if (inner.segments.length < outer.segments.length) return false
  if (!outer.isOpen && (inner.isOpen || inner.segments.length > outer.segments.length)) return false
  return outer.segments.every((segment, at) => {
    const other = inner.segments[at]
    return segment === '**' || segment === other || (segment === '*' && other !== '**' && other !== '')
  })
}

/** Whether the route table asks `a` before `b` about a path of both: a literal wins over a parameter, that over the rest. */
export function isNearer(a: Glob, b: Glob): boolean {
  const rank = (segment: string | undefined) =>
    segment === '*' ? 1 : segment === '**' || segment === undefined ? 2 : 0
  const at = a.segments.findIndex((segment, index) => rank(segment) !== rank(b.segments[index]))
  return at >= 0 && rank(a.segments[at]) < rank(b.segments[at])
}

/** One path of the set, with `filling` where any segment will do. */
export function pathIn({ segments, isOpen }: Glob, filling: string): string {
  const path = segments.map((it) => (it === '*' || it === '**' ? filling : it)).join('/')
  return path === '' ? `/${isOpen ? filling : ''}` : path
}

function segmentInBoth(a: string, b: string): string | null {
  if (a === b || b === '**') return a
  if (a === '**') return b
  if (a === '*') return b === '' ? null : b
  if (b === '*') return a === '' ? null : a
  return null
}
