import { tightens } from '../rules/effect.ts'
import type { AnalysedRule } from './analysed-rule.ts'
import { covers, globOfPattern } from './glob.ts'
import { type Cell, mayHold } from './region.ts'

/** A class of requests that no `match` can tell apart; but what a token says is left open. */
export type RequestClass = {
  readonly cell: Cell
  readonly path: string
  /** The lists that the source is in; null where it is not settled. */
  readonly lists: ReadonlySet<string> | null
}

/** `canPass`: false when surely none of them passes the firewall and the access rules. */
export type Passage = {
  readonly canPass: boolean
  /** The rules whose `when` has a say in it: those that may let it pass; where none has to, those that may not. */
  readonly dependsOn: readonly string[]
}

type Answer = 'yes' | 'no' | 'maybe'
/** Names on the request, and how sure that is. */
type Names = Map<string, 'yes' | 'maybe'>
type Walk = {
  readonly tags: Names
  readonly skips: Names
  readonly opening: Set<string>
  readonly closing: Set<string>
}

/**
 * Walks the rules as the edge does, up to the access rules, for all requests of a class at once. Where a `when` decides,
 * both ways are gone: that nothing can pass is certain, that something can is not.
 */
export function passageOf(rules: readonly AnalysedRule[], request: RequestClass): Passage {
  const walk: Walk = { tags: new Map(), skips: new Map(), opening: new Set(), closing: new Set() }
  const ofKind = (kind: string) => rules.filter((rule) => rule.kind === kind && rule.isEnforced)
  const marking = ofKind('quota').filter(({ effect }) => effect === 'skip' || effect === 'tag')
  const canPass =
    canBeAllowed(ofKind('firewall'), request, walk, true) &&
    canBeAllowed([...marking, ...ofKind('access')], request, walk, false)
  return { canPass, dependsOn: [...(walk.opening.size > 0 ? walk.opening : walk.closing)] }
}

function canBeAllowed(
  rules: readonly AnalysedRule[],
  request: RequestClass,
  walk: Walk,
  isAllowedByDefault: boolean,
): boolean {
  let canPass = false
  for (const rule of rules) {
    const applies = whetherApplies(rule, request, walk)
    if (applies === 'no') continue
    const { effect } = rule
    if (applies === 'maybe') (tightens(effect) ? walk.closing : walk.opening).add(rule.name)
    if (effect === 'skip') mark(walk.skips, rule.skips, applies)
    else if (effect === 'tag') mark(walk.tags, rule.gives, applies)
    else {
      canPass ||= effect === 'allow'
      // A token may bring what is asked for, and most requests are no attack.
      const isMet = effect === 'ruleset' || (effect === 'stepUp' && request.cell.kind !== 'anonymous')
      if (applies === 'yes' && !isMet) return canPass
    }
  }
  return canPass || isAllowedByDefault
}

function mark(names: Names, added: readonly string[], applies: 'yes' | 'maybe'): void {
  for (const name of added) if (names.get(name) !== 'yes') names.set(name, applies)
}

function whetherApplies({ name, match, when }: AnalysedRule, { cell, path, lists }: RequestClass, walk: Walk): Answer {
  if (!mayHold(match, cell)) return 'no'
  const one = { segments: path.split('/'), isOpen: false }
  if (match.paths && !match.paths.some((pattern) => covers(globOfPattern(pattern), one))) return 'no'
  const asks = [...(match.roles ?? []), ...(match.scopes ?? []).filter((scope) => !cell.route.scopes.includes(scope))]
  return all(
    asks.length === 0 ? 'yes' : 'maybe', // of a token; who is anonymous was told apart before
    match.lists === undefined ? 'yes' : listed(match.lists, lists),
    match.tagged === undefined ? 'yes' : tagged(match.tagged, walk.tags),
    notSkipped(walk.skips.get(name)),
    when === null ? 'yes' : 'maybe',
  )
}

function notSkipped(skipped: 'yes' | 'maybe' | undefined): Answer {
  return skipped === undefined ? 'yes' : skipped === 'yes' ? 'no' : 'maybe'
}

function listed(wanted: readonly string[], lists: RequestClass['lists']): Answer {
  if (lists === null) return 'maybe'
  return wanted.some((name) => lists.has(name)) ? 'yes' : 'no'
}

function tagged(wanted: readonly string[], tags: Names): Answer {
  const found = wanted.map((name) => tags.get(name) ?? 'no')
  return found.includes('yes') ? 'yes' : found.includes('maybe') ? 'maybe' : 'no'
}

function all(...answers: readonly Answer[]): Answer {
  return answers.includes('no') ? 'no' : answers.includes('maybe') ? 'maybe' : 'yes'
}
