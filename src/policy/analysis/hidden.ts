import { parseMoney } from '../../kernel/money.ts'
import { tightens } from '../rules/effect.ts'
import type { Match } from '../rules/match.ts'
import { type AnalysedRule, decides } from './analysed-rule.ts'
import type { Regions } from './dead.ts'
import { ANY_PATH, covers, type Glob, globOfPattern } from './glob.ts'

/**
 * Rules that are never asked, because earlier ones decide on every request they match: enforced, without a `when`, on
 * all that stays of it. What a `when` or a skip could let through to them is not guessed at.
 */
export function findHidden(rules: readonly AnalysedRule[], regions: Regions | null): void {
  const skipped = new Set(rules.flatMap(({ skips }) => skips))
  const hiding = new Map<string, AnalysedRule[]>()
  for (const rule of rules) {
    const earlier = hiding.get(rule.kind) ?? []
    hiding.set(rule.kind, earlier)
    const hiders = rule.kind === 'quota' || rule.readsBody ? null : hidersOf(rule, earlier, regions)
    if (hiders !== null) sayHidden(rule, hiders)
    const isSure = rule.isEnforced && rule.when === null && decides(rule)
    if (isSure && !skipped.has(rule.name)) earlier.push(rule)
  }
}

function sayHidden({ name, effect, report }: AnalysedRule, hiders: readonly AnalysedRule[]): void {
  const names = hiders.map((it) => it.name).join(', ')
  const isLoosened = hiders.every((it) => it.effect === 'allow' || it.effect === 'accept')
  const extras = { severity: 'warning', hint: `put it before ${names}, or take it out` } as const
  if (isLoosened && tightens(effect)) {
    report([], 'useless-denial', `'${name}' stops nothing: ${names} lets everything pass that it matches`, extras)
  } else {
    report([], 'hidden-rule', `'${name}' is never asked: ${names} decides before on all that it matches`, extras)
  }
}

/** Earlier rules that together decide on all that the rule matches; null when something is left to it. */
function hidersOf(
  rule: AnalysedRule,
  earlier: readonly AnalysedRule[],
  regions: Regions | null,
): readonly AnalysedRule[] | null {
  // One that lapses before the rule does only stands in front of it for a while, which may be what it is for.
  const lasting = earlier.filter(
    ({ expires }) => expires === null || (rule.expires !== null && rule.expires <= expires),
  )
  const candidates = lasting.filter((it) => coversCrossing(it.match, rule.match))
  const hiders = new Set<AnalysedRule>()
  for (const [cell, globs] of regionOf(rule, regions)) {
    for (const glob of globs) {
      const hider = candidates.find((it) => {
        if (cell === null && !coversNames(it.match, rule.match)) return false
        return (regionOf(it, regions).get(cell) ?? []).some((outer) => covers(outer, glob))
      })
      if (hider === undefined) return null
      hiders.add(hider)
    }
  }
  return hiders.size === 0 ? null : [...hiders]
}

/** Where the rule applies: by cells of the surface; without one, or on transfers, in a single cell, by path alone. */
function regionOf(rule: AnalysedRule, regions: Regions | null): ReadonlyMap<number | null, readonly Glob[]> {
  const region = rule.kind === 'risk' ? undefined : regions?.get(rule)
  return region ?? new Map([[null, rule.match.paths?.map(globOfPattern) ?? [ANY_PATH]]])
}

/** Whether `outer` asks for no more than `inner` by what cuts through all cells alike. */
function coversCrossing(outer: Match, inner: Match): boolean {
  return (
    isWithin(inner.lists, outer.lists) &&
    isWithin(inner.roles, outer.roles) &&
    isWithin(inner.tagged, outer.tagged) &&
    (outer.scopes ?? []).every((scope) => inner.scopes?.includes(scope)) &&
    isBandWithin(inner.amount, outer.amount)
  )
}

function coversNames(outer: Match, inner: Match): boolean {
  return (['methods', 'routes', 'tags', 'kinds'] as const).every((key) => isWithin(inner[key], outer[key]))
}

/** Alternatives: none written is all there are. */
function isWithin(inner: readonly string[] | undefined, outer: readonly string[] | undefined): boolean {
  return outer === undefined || inner?.every((value) => outer.includes(value)) === true
}

function isBandWithin(inner: Match['amount'], outer: Match['amount']): boolean {
  if (outer === undefined) return true
  if (inner === undefined || inner.currency !== outer.currency) return false
  const minor = (value: string | undefined, whenNone: bigint): bigint => {
    const amount = value === undefined ? null : parseMoney({ currency: outer.currency, value })
    return amount === null || typeof amount === 'string' ? whenNone : amount.minor
  }
  const most = 1n << 128n
  return minor(outer.from, 0n) <= minor(inner.from, 0n) && minor(inner.below, most) <= minor(outer.below, most)
}
