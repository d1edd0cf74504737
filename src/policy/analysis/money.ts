import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Bundle } from '../bundle.ts'
import { type ChainFacts, decideChain } from '../decide/chain.ts'
import type { Surface, SurfaceRoute } from '../surface.ts'
import type { AnalysedRule } from './analysed-rule.ts'
import { endsOf, rulesAt, rulesOfAllTimes } from './as-time-goes-by.ts'
import { pathIn } from './glob.ts'
import { passageOf } from './passage.ts'
import { pathsOf } from './path-classes.ts'
import { type Cell, cellsOf } from './region.ts'
import type { SourceSample } from './source-samples.ts'

/** Whether somebody who shows no token can reach a route tagged `money`. */
export type MoneyAnswer = (
  | { readonly answer: 'no'; readonly routes: number }
  | { readonly answer: 'yes'; readonly routes: number; readonly witness: Witness }
  /** `dependsOn`: rules (`kind/id`) whose `when` decides; `lists`, `paths` or `dates` that overlap in too many ways. */
  | { readonly answer: 'unknown'; readonly routes: number; readonly dependsOn: readonly string[] }
) & {
  /** RFC 3339; where it will be so if nobody edits the rules, and is not so before. */
  readonly from?: string
}

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
const ENDS_MAX = 50

export type MoneyQuestion = {
  readonly surface: Surface
  readonly rules: readonly AnalysedRule[]
  /** Addresses and countries, some of each list that rules match on. */
  sources(): readonly SourceSample[]
  readonly now: Instant
  bundle(at: Instant): Bundle
}

/**
 * Answers by `match`, exactly: a request that passes is made up and decided by the bundle itself; that none passes is
 * shown for every class of requests, now and on each day on which a rule lapses. In between lies what a `when` decides.
 */
export function askForMoney(question: MoneyQuestion): MoneyAnswer {
  const { rules } = question
  const answer = askAtOneTime(question)
  if (answer.answer !== 'no' || !canPass({ ...question, rules: rulesOfAllTimes(rules) })) return answer
  const ends = endsOf(rules)
  for (const end of ends.slice(0, ENDS_MAX)) {
    const later = askAtOneTime({ ...question, rules: rulesAt(rules, end), now: end })
    if (later.answer !== 'no') return { ...later, from: toRfc3339(end) }
  }
  return ends.length > ENDS_MAX ? { answer: 'unknown', routes: answer.routes, dependsOn: ['dates'] } : answer
}

function askAtOneTime(question: MoneyQuestion): MoneyAnswer {
  const shared = { routes: question.surface.routes.filter(movesMoney).length }
  const dependsOn = new Set<string>()
  for (const cell of openCells(question)) {
    const [passing, depends] = passingPaths(cell, question)
    if (passing.length === 0) continue
    for (const name of depends) dependsOn.add(name)
    const witness = findWitness(cell, passing, question)
    if (witness !== null) return { answer: 'yes', ...shared, witness }
    if (depends.length === 0) dependsOn.add('lists')
  }
  if (dependsOn.size === 0) return { answer: 'no', ...shared }
  return { answer: 'unknown', ...shared, dependsOn: [...dependsOn] }
}

/** Whether surely nothing passes is told exactly, whether something does is not. */
function canPass(question: MoneyQuestion): boolean {
  return openCells(question).some((cell) => passingPaths(cell, question)[0].length > 0)
}

/** The edge asks for a token, with the route's scopes, before any rule could allow something: on any other route. */
function openCells({ surface }: MoneyQuestion): readonly Cell[] {
  return cellsOf({ routes: surface.routes.filter((route) => route.isPublic && movesMoney(route)) })
}

function movesMoney({ tags }: SurfaceRoute): boolean {
  return tags.includes('money')
}

/** Reports what is wrong with the answer at the rule that lets the request pass. */
export function reportMoney(answer: MoneyAnswer, rules: readonly AnalysedRule[]): void {
  if (answer.answer === 'no') return
  const blamed = answer.answer === 'yes' ? [answer.witness.rule] : answer.dependsOn
  const rule = rules.find(({ name }) => blamed.includes(name)) ?? rules.find(({ kind }) => kind === 'access')
  if (rule === undefined) return
  if (answer.answer === 'yes') {
    const { method, path, source, route } = answer.witness
    const message = `lets ${method} ${path} from ${sourceText(source)} reach ${route}, which moves money, without a token${fromText(answer)}`
    rule.report([], 'money-unauthenticated', message, {
      hint: 'let the route ask for scopes, or deny anonymous callers',
    })
  } else {
    const message = `whether a caller without a token reaches money depends on ${dependencyText(answer.dependsOn)}${fromText(answer)}`
    rule.report([], 'money-unclear', message, { hint: 'say it by `match`, or deny anonymous callers before' })
  }
}

export function fromText({ from }: MoneyAnswer): string {
  return from === undefined ? '' : ` from ${from} on`
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
  { rules, surface }: MoneyQuestion,
): readonly [paths: readonly string[], dependsOn: readonly string[]] {
  const paths = pathsOf(cell, rules, surface)
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
  const walked = rules.filter(({ kind }) => kind !== 'risk')
  const names = [...new Set(walked.flatMap(({ match }) => match.lists ?? []))]
  if (names.length > LISTS_MAX) return [null]
  return range(0, 2 ** names.length - 1).map((bits) => new Set(names.filter((_, at) => (bits >> at) % 2 === 1)))
}

/** Takes made-up requests through the real decision until one passes. */
function findWitness(cell: Cell, paths: readonly string[], question: MoneyQuestion): Witness | null {
  const { route, method } = cell
  const bundle = question.bundle(question.now)
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
