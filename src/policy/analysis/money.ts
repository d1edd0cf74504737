import type { Instant } from '../../kernel/clock.ts'
import type { Bundle } from '../bundle.ts'
import { type ChainFacts, decideChain } from '../decide/chain.ts'
import type { Surface } from '../surface.ts'
import type { AnalysedRule } from './analysed-rule.ts'
import { pathIn } from './glob.ts'
import { passageOf } from './passage.ts'
import { pathsOf } from './path-classes.ts'
import { type Cell, cellsOf } from './region.ts'
import type { SourceSample } from './source-samples.ts'

/** Whether somebody who shows no token can reach a route tagged `money`. */
export type MoneyAnswer =
  | { readonly answer: 'no'; readonly routes: number }
  | { readonly answer: 'yes'; readonly routes: number; readonly witness: Witness }
  /** `dependsOn`: rules (`kind/id`) whose `when` decides; `lists` or `paths` that overlap in too many ways. */
  | { readonly answer: 'unknown'; readonly routes: number; readonly dependsOn: readonly string[] }

/** A request that the policies let pass, and the rule that does. */
export type Witness = {
  readonly route: string
  readonly method: string
  readonly path: string
  readonly source: SourceSample
  readonly rule: string
}

/** 2 to this power memberships are gone through; with more lists it is left open which ones a source is in. */
const LISTS_MAX = 6
const REQUESTS_MAX = 20_000

export type MoneyQuestion = {
  readonly surface: Surface
  readonly rules: readonly AnalysedRule[]
  /** Addresses and countries, some of each list that rules match on. */
  sources(): readonly SourceSample[]
  readonly now: Instant
  bundle(): Bundle
}

/**
 * Answers by `match`, exactly: a request that passes is made up and decided by the bundle itself; that none passes is
 * shown for every class of requests. In between lies what a `when` decides.
 */
export function askForMoney(question: MoneyQuestion): MoneyAnswer {
  const money = question.surface.routes.filter((route) => route.tags.includes('money'))
  // The edge asks for a token, with the route's scopes, before any rule could allow something.
  const open = cellsOf({ routes: money.filter((route) => route.isPublic) })
  const shared = { routes: money.length }
  if (open.length === 0) return { answer: 'no', ...shared }
  const dependsOn = new Set<string>()
  for (const cell of open) {
    const paths = pathsOf(cell, question.rules, question.surface)
    const [passing, depends] = passingPaths(cell, paths, question.rules)
    if (passing.length === 0) continue
    for (const name of depends) dependsOn.add(name)
    const witness = findWitness(cell, passing, question)
    if (witness !== null) return { answer: 'yes', ...shared, witness }
    if (depends.length === 0) dependsOn.add('lists')
  }
  if (dependsOn.size === 0) return { answer: 'no', ...shared }
  return { answer: 'unknown', ...shared, dependsOn: [...dependsOn] }
}

/** Reports what is wrong with the answer at the rule that lets the request pass. */
export function reportMoney(answer: MoneyAnswer, rules: readonly AnalysedRule[]): void {
  if (answer.answer === 'no') return
  const blamed = answer.answer === 'yes' ? [answer.witness.rule] : answer.dependsOn
  const rule = rules.find(({ name }) => blamed.includes(name)) ?? rules.find(({ kind }) => kind === 'access')
  if (rule === undefined) return
  if (answer.answer === 'yes') {
    const { method, path, source, route } = answer.witness
    const message = `lets ${method} ${path} from ${sourceText(source)} reach ${route}, which moves money, without a token`
    rule.report([], 'money-unauthenticated', message, {
      hint: 'let the route ask for scopes, or deny anonymous callers',
    })
  } else {
    const message = `whether a caller without a token reaches money depends on ${dependencyText(answer.dependsOn)}`
    rule.report([], 'money-unclear', message, { hint: 'say it by `match`, or deny anonymous callers before' })
  }
}

export function sourceText({ ip, country }: SourceSample): string {
  return country === '' ? ip : `${ip} in ${country}`
}

/** Rules whose `when` decides, and what there are too many combinations of. */
export function dependencyText(dependsOn: readonly string[]): string {
  return dependsOn.map((name) => (name.includes('/') ? `\`when\` of ${name}` : `how its ${name} overlap`)).join(', ')
}

/** Which paths could be let pass by someone, and on which conditions that depends. */
function passingPaths(
  cell: Cell,
  paths: readonly string[] | null,
  rules: readonly AnalysedRule[],
): readonly [paths: readonly string[], dependsOn: readonly string[]] {
  if (paths === null) return [[pathIn(cell.paths, 'anything')], ['paths']]
  const dependsOn = new Set<string>()
  const passing = paths.filter((path) => {
    const passages = membershipsIn(rules).map((lists) => passageOf(rules, { cell, path, lists }))
    const open = passages.filter(({ canPass }) => canPass)
    for (const name of open.flatMap((passage) => passage.dependsOn)) dependsOn.add(name)
    return open.length > 0
  })
  return [passing, [...dependsOn]]
}

/** Every way in which a source can be in lists or not; one that leaves it open when there are too many lists. */
function membershipsIn(rules: readonly AnalysedRule[]): readonly (ReadonlySet<string> | null)[] {
  const gates = rules.filter(({ kind }) => kind === 'firewall' || kind === 'access')
  const names = [...new Set(gates.flatMap(({ match }) => match.lists ?? []))]
  if (names.length > LISTS_MAX) return [null]
  return range(0, 2 ** names.length - 1).map((bits) => new Set(names.filter((_, at) => (bits >> at) % 2 === 1)))
}

/** Takes made-up requests through the real decision until one passes. */
function findWitness(cell: Cell, paths: readonly string[], question: MoneyQuestion): Witness | null {
  const { route, method } = cell
  const bundle = question.bundle()
  const sources = question.sources()
  let asked = 0
  for (const path of paths) {
    for (const source of sources) {
      asked += 1
      if (asked > REQUESTS_MAX) return null
      const decision = decideChain(bundle, factsOf(cell, path, source, question.now))
      if (decision.outcome !== 'deny') return { route: route.id, method, path, source, rule: decision.rule }
    }
  }
  return null
}

function factsOf({ route, method }: Cell, path: string, source: SourceSample, now: Instant): ChainFacts {
  const { id, tags, upstream } = route
  return {
    request: { method, path, query: {}, headers: { 'user-agent': 'tidegate' } },
    source,
    route: { id, path: route.path, tags, upstream },
    now,
    scopesNeeded: route.scopes,
    principal: { kind: 'anonymous', id: '', member: '', client: '', scopes: [], roles: [] },
    claims: {},
    risk: null,
    usedUp: [],
  }
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
