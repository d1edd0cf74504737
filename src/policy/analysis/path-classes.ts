import type { Surface } from '../surface.ts'
import type { AnalysedRule } from './analysed-rule.ts'
import { covers, type Glob, globOfPattern, globOfRoute, isNearer, overlap, pathIn } from './glob.ts'
import type { Cell } from './region.ts'

const PATHS_MAX = 200

/**
 * One path of every class of paths of a cell that the rules can tell apart; null when there are too many. A class is an
 * overlap of patterns; its path has, wherever any segment will do, one that no rule names.
 */
export function pathsOf(
  { paths, route }: Cell,
  rules: readonly AnalysedRule[],
  { routes }: Surface,
): readonly string[] | null {
  const written = rules.flatMap(({ match }) => match.paths ?? []).map(globOfPattern)
  const rivals = routes.filter(({ host }) => host === route.host).map(({ path }) => globOfRoute(path))
  const patterns = [...written, ...rivals]
  const overlaps = new Map<string, Glob>([[keyOf(paths), paths]])
  for (const glob of overlaps.values()) {
    for (const pattern of patterns) {
      const both = overlap(glob, pattern)
      if (both !== null) overlaps.set(keyOf(both), both)
      if (overlaps.size > PATHS_MAX) return null
    }
  }
  const named = new Set(patterns.flatMap(({ segments }) => segments))
  let filling = 'anything'
  while (named.has(filling)) filling += 'x'
  const longest = 1 + Math.max(paths.segments.length, ...patterns.map(({ segments }) => segments.length))
  const found = [...overlaps.values()].flatMap((glob) => lengthsOf(glob, longest).map((one) => pathIn(one, filling)))
  const nearer = rivals.filter((rival) => isNearer(rival, paths))
  return found.filter((path) => !nearer.some((rival) => covers(rival, { segments: path.split('/'), isOpen: false })))
}

/** An open set also has longer paths, which other patterns may or may not take. */
function lengthsOf(glob: Glob, longest: number): readonly Glob[] {
  if (!glob.isOpen) return [glob]
  const more = Math.max(0, longest - glob.segments.length)
  return Array.from({ length: more + 1 }, (_, added) => ({
    segments: [...glob.segments, ...Array.from({ length: added }, () => '*')],
    isOpen: false,
  }))
}

function keyOf({ segments, isOpen }: Glob): string {
  return `${segments.join('/')}${isOpen ? '/…' : ''}`
}
