import { didYouMean } from '../language/did-you-mean.ts'
import type { AnalysedRule } from './analysed-rule.ts'
import { globOfPattern, overlap } from './glob.ts'
import { type Cell, METHODS, type Region } from './region.ts'

const warning = { severity: 'warning' } as const

/** Rules, and alternatives inside rules, that no request to these routes can match. */
export function findDead(rules: readonly AnalysedRule[], cells: readonly Cell[], regions: Regions): void {
  const paths = new Set(cells.map(({ route }) => route.path))
  for (const rule of rules) {
    if (rule.kind === 'risk') continue // sees transfers, not routes
    const isSaid = findDeadAlternatives(rule, cells, paths)
    if (isSaid || hasUnknownNames(rule, cells) || regions.get(rule)?.size !== 0) continue
    const keys = Object.keys(rule.match).filter((key) => !['lists', 'tagged'].includes(key))
    const message = `no request to these routes has these ${keys.join(', ')} together: the rule never applies`
    rule.report(['match'], 'dead-rule', message, warning)
  }
}

/** Where each rule can apply. */
export type Regions = ReadonlyMap<AnalysedRule, Region>

/** Skips that skip nothing: the rules they name never match what they match. */
export function findIdleSkips(rules: readonly AnalysedRule[], regions: Regions): void {
  const byName = new Map(rules.map((rule) => [rule.name, rule]))
  for (const rule of rules) {
    for (const [index, name] of rule.skips.entries()) {
      const skipped = byName.get(name)
      if (skipped === undefined || skipped.kind === 'risk' || meet(regions.get(rule), regions.get(skipped))) continue
      const message = `'${name}' never applies where this rule does: skipping it changes nothing`
      rule.report(['effect', 'skip', index], 'idle-skip', message, warning)
    }
  }
}

/** A rule on all changes may well name methods that no route has yet; one that no route can have is a slip of the pen. */
function findDeadAlternatives({ match, report }: AnalysedRule, cells: readonly Cell[], known: Set<string>): boolean {
  let isSaid = false
  for (const [index, method] of (match.methods ?? []).entries()) {
    if (METHODS.includes(method)) continue
    isSaid = true
    const extras = { ...warning, ...didYouMean(method, METHODS) }
    report(['match', 'methods', index], 'dead-rule', `there is no method ${method}`, extras)
  }
  for (const [index, path] of (match.paths ?? []).entries()) {
    const glob = globOfPattern(path)
    if (cells.some((cell) => overlap(glob, cell.paths) !== null)) continue
    isSaid = true
    const extras = { ...warning, ...didYouMean(path, known) }
    report(['match', 'paths', index], 'dead-rule', `no route has the path ${path}`, extras)
  }
  return isSaid
}

/** They have been said, and are errors. */
function hasUnknownNames({ match: { routes = [], tags = [] } }: AnalysedRule, cells: readonly Cell[]): boolean {
  return (
    routes.some((id) => !cells.some(({ route }) => route.id === id)) ||
    tags.some((tag) => !cells.some(({ route }) => route.tags.includes(tag)))
  )
}

function meet(a: Region | undefined, b: Region | undefined): boolean {
  if (a === undefined || b === undefined) return true
  return [...a].some(([cell, globs]) => {
    const others = b.get(cell) ?? []
    return globs.some((glob) => others.some((other) => overlap(glob, other) !== null))
  })
}
