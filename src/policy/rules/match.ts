import { type Money, parseMoney } from '../../kernel/money.ts'
import type { AccessFacts, RequestFacts, RiskFacts } from '../facts.ts'
import type { WrittenRule } from '../language/schema.ts'
import type { Lists } from '../lists/lists.ts'

/** What a rule's `match` may hold, over all kinds; the schema of a kind says which of it that kind takes. */
export type Match = NonNullable<WrittenRule<'firewall'>['match']> &
  NonNullable<WrittenRule<'access'>['match']> &
  NonNullable<WrittenRule<'risk'>['match']>

/** @param tags those that earlier rules gave the request */
export type Predicate<Facts> = (facts: Facts, tags: readonly string[]) => boolean

/** What can go wrong with a `match` whose shape is right, at the key where it stands. */
export type MatchFault = {
  readonly path: readonly (string | number)[]
  readonly code: string
  readonly message: string
}

/**
 * A rule matches when all its predicates hold. Values under one key are alternatives, except scopes, which must all be held.
 * Lists stand last: a source that can not be looked up matters only to a rule that would match otherwise.
 */
export function requestPredicates(match: Match, lists: Lists): readonly Predicate<RequestFacts>[] {
  return [...routePredicates(match), ...sourcePredicates(match, lists)]
}

export function accessPredicates(match: Match, lists: Lists): readonly Predicate<AccessFacts>[] {
  const { scopes, kinds, roles } = match
  const predicates: Predicate<AccessFacts>[] = [...routePredicates(match)]
  if (kinds) predicates.push(({ principal }) => kinds.includes(principal.kind))
  if (roles) predicates.push(({ principal }) => roles.some((role) => principal.roles.includes(role)))
  if (scopes) predicates.push(({ principal }) => scopes.every((scope) => principal.scopes.includes(scope)))
  return [...predicates, ...sourcePredicates(match, lists)]
}

export function riskPredicates(match: Match, lists: Lists): readonly Predicate<RiskFacts>[] {
  const predicates: Predicate<RiskFacts>[] = [...taggedPredicates(match)]
  if (match.amount) {
    const { currency, from, below } = readBand(match.amount)
    predicates.push(({ transfer: { amount } }) => {
      if (amount.currency !== currency) return false
      return (from === null || amount.minor >= from) && (below === null || amount.minor < below)
    })
  }
  return [...predicates, ...sourcePredicates(match, lists)]
}

function routePredicates(match: Match): readonly Predicate<RequestFacts>[] {
  const { methods, paths, routes, tags } = match
  const predicates: Predicate<RequestFacts>[] = [...taggedPredicates(match)]
  if (methods) predicates.push(({ request }) => methods.includes(request.method))
  if (routes) predicates.push(({ route }) => routes.includes(route.id))
  if (tags) predicates.push(({ route }) => tags.some((tag) => route.tags.includes(tag)))
  if (paths) {
    const patterns = paths.map(pathPattern)
    predicates.push(({ request }) => patterns.some((matches) => matches(request.path)))
  }
  return predicates
}

/** Faults that the shape does not show. Predicates are made only of a match without any. */
export function findMatchFaults(match: Match, lists: Lists): readonly MatchFault[] {
  const faults: MatchFault[] = []
  for (const [index, name] of (match.lists ?? []).entries()) {
    const list = lists.get(name)
    if (list?.kind === 'cidrs' || list?.kind === 'countries') continue
    const message =
      list === undefined ? `there is no list '${name}'` : `the list '${name}' has neither addresses nor countries`
    faults.push({ path: ['lists', index], code: 'unknown-list', message })
  }
  if (match.amount) {
    const { currency, from, below } = match.amount
    for (const [key, value] of Object.entries({ from, below })) {
      const amount = value === undefined ? null : parseMoney({ currency, value })
      if (typeof amount !== 'string') continue
      faults.push({
        path: ['amount', key],
        code: 'bad-money',
        message: `${currency} ${value}: ${amount.replaceAll('_', ' ')}`,
      })
    }
    const band = faults.length === 0 ? readBand(match.amount) : null
    if (band !== null && band.from !== null && band.below !== null && band.from >= band.below) {
      faults.push({ path: ['amount'], code: 'empty-band', message: '`from` is not less than `below`: nothing matches' })
    }
  }
  return faults
}

function sourcePredicates(
  match: Match,
  lists: Lists,
): readonly Predicate<{ readonly source: RequestFacts['source'] }>[] {
  if (!match.lists) return []
  const named = match.lists.flatMap((name) => lists.get(name) ?? [])
  return [({ source }) => named.some(({ kind, has }) => has(kind === 'countries' ? source.country : source.ip))]
}

function taggedPredicates({ tagged }: Match): readonly Predicate<unknown>[] {
  return tagged ? [(_facts, tags) => tagged.some((tag) => tags.includes(tag))] : []
}

/** Whether a path is one of those that a pattern of `match.paths` stands for. */
export function matchesPath(pattern: string, path: string): boolean {
  return pathPattern(pattern)(path)
}

/** `*` stands for one segment, `**` at the end for any rest, none included. */
function pathPattern(pattern: string): (path: string) => boolean {
  if (!pattern.includes('*')) return (path) => path === pattern
  const open = pattern.endsWith('/**')
  const wanted = pattern.split('/').slice(0, open ? -1 : undefined)
  return (path) => {
    const segments = path.split('/')
    if (open ? segments.length < wanted.length : segments.length !== wanted.length) return false
    return wanted.every((segment, index) => (segment === '*' ? segments[index] !== '' : segment === segments[index]))
  }
}

/** The band of amounts in minor units. Its decimals were found right. */
export function readBand({ currency, from, below }: NonNullable<Match['amount']>) {
  const minor = (value: string | undefined) =>
    value === undefined ? null : (parseMoney({ currency, value }) as Money).minor
  return { currency, from: minor(from), below: minor(below) }
}
