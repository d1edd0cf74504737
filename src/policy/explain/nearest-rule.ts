import type { Bundle } from '../bundle.ts'
import type { ChainFacts } from '../decide/chain.ts'
import type { RequestFacts } from '../facts.ts'
import { type Match, matchesPath } from '../rules/match.ts'
import type { RuleSummary } from '../rules/rule-summary.ts'
import { asKind, type Edit, fromListed, isFrom, withRole, withScopes } from './edit.ts'

/** A rule that would have allowed the request, and what the request lacks for it. */
export type NearRule = {
  /** `access/ID` */
  readonly rule: string
  /** In words: `the scope transfers:write`, `the route tag money` … */
  readonly lacks: readonly string[]
  /** The changes by which it would have all; null when it would have to be another request. */
  readonly edits: readonly Edit[] | null
}

type Lack = { readonly text: string; readonly edit: Edit | null }

/** Of a bundle with more rules for one request the first are looked at: a refused caller waits for it. */
const RULES_MAX = 1_000

/**
 * The enforced access rules that allow and that a denied request came nearest to: fewest lacks first, in the order of the
 * rules, those for another request (route, method, path, tags) last.
 */
export function nearestRules(bundle: Bundle, facts: ChainFacts, most: number): readonly NearRule[] {
  const near = reachableRules(bundle, facts, most)
  if (near.length >= most) return near
  const others = allowingRules(bundle).filter(({ match }) => requestLacks(match, facts).length > 0)
  return [...near, ...nearestOf(others, bundle, facts, most - near.length)]
}

/** As `nearestRules`, without those for another request: what a caller lacks for them can be had. */
export function reachableRules(bundle: Bundle, facts: ChainFacts, most: number): readonly NearRule[] {
  const rules = allowingRules(bundle).filter(({ match }) => requestLacks(match, facts).length === 0)
  return nearestOf(rules.slice(0, RULES_MAX), bundle, facts, most)
}

function allowingRules({ rules }: Bundle): readonly RuleSummary[] {
  return rules.filter(({ kind, effect, mode }) => kind === 'access' && effect === 'allow' && mode === 'enforce')
}

function nearestOf(
  rules: readonly RuleSummary[],
  bundle: Bundle,
  facts: ChainFacts,
  most: number,
): readonly NearRule[] {
  return rules
    .map((rule) => ({ rule: rule.name, lacks: lacksOf(rule, facts, bundle) }))
    .map((near) => ({ ...near, distance: distanceOf(near.lacks) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ rule, lacks }) => ({ rule, lacks: lacks.map(({ text }) => text), edits: editsOf(lacks) }))
}

/** What nobody can bring along, another request or what a condition asks for, is further away than all that can be. */
const OUT_OF_REACH = 100

function distanceOf(lacks: readonly Lack[]): number {
  return lacks.reduce((sum, { edit }) => sum + (edit === null ? OUT_OF_REACH : 1), 0)
}

function editsOf(lacks: readonly Lack[]): readonly Edit[] | null {
  const edits = lacks.flatMap(({ edit }) => (edit === null ? [] : [edit]))
  return edits.length === lacks.length ? edits : null
}

function lacksOf({ match, when }: RuleSummary, facts: ChainFacts, bundle: Bundle): readonly Lack[] {
  const lacks = [...requestLacks(match, facts), ...callerLacks(match, facts, bundle)]
  if (lacks.length > 0 || when === null) return lacks
  return [{ text: `that its condition holds: ${when}`, edit: null }]
}

/** What only another request would have. */
function requestLacks(match: Match, { request, route }: RequestFacts): readonly Lack[] {
  const { methods, paths, routes, tags } = match
  const lacks: string[] = []
  if (methods && !methods.includes(request.method)) lacks.push(`the method ${methods.join(' or ')}`)
  if (paths && !paths.some((pattern) => matchesPath(pattern, request.path)))
    lacks.push(`the path ${paths.join(' or ')}`)
  if (routes && !routes.includes(route.id)) lacks.push(`the route ${routes.join(' or ')}`)
  if (tags && !tags.some((tag) => route.tags.includes(tag))) lacks.push(`the route tag ${tags.join(' or ')}`)
  return lacks.map((text) => ({ text, edit: null }))
}

/** What another caller, or the same with another token or from elsewhere, would have. */
function callerLacks(match: Match, { principal, source }: ChainFacts, bundle: Bundle): readonly Lack[] {
  const { scopes = [], kinds, roles, lists, tagged } = match
  const lacks: Lack[] = []
  const missing = scopes.filter((scope) => !principal?.scopes.includes(scope))
  if (missing.length > 0) lacks.push({ text: `the scope ${missing.join(' ')}`, edit: withScopes(missing) })
  const [kind] = kinds ?? []
  if (kinds && kind !== undefined && !kinds.some((it) => it === principal?.kind)) {
    lacks.push({ text: `a caller who is ${kinds.join(' or ')}`, edit: asKind(kind) })
  }
  const [role] = roles ?? []
  if (roles && role !== undefined && !roles.some((it) => principal?.roles.includes(it))) {
    lacks.push({ text: `the role ${roles.join(' or ')}`, edit: withRole(role) })
  }
  if (lists && !lists.some((name) => isFrom(bundle.lists, name, source))) {
    lacks.push({ text: `an address in ${lists.join(' or ')}`, edit: fromListed(bundle.lists, lists) })
  }
  if (tagged) {
    const text = `a tag of an earlier rule: ${tagged.join(' or ')}`
    lacks.push({ text, edit: null })
  }
  return lacks
}
