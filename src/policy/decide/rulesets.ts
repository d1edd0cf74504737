import { type Inspected, Inspection, type WireBody, type WireRequest } from '../../firewall/index.ts'
import type { RequestFacts } from '../facts.ts'
import type { GateEffect, RulesetEffect } from '../rules/effect.ts'
import type { Rule } from '../rules/rule.ts'
import type { Marks } from './marks.ts'
import type { Considered, MatchedSign, Verdict } from './verdict.ts'
import type { Walk } from './walk.ts'

type RulesetRule = Rule<RequestFacts, RulesetEffect>

/** A ruleset that has looked at a request's head, and has its body still to see. */
export type OpenInspection = { readonly rule: RulesetRule; readonly ask: (body: WireBody | null) => Asked }

export function asksRuleset(rule: Rule<RequestFacts, GateEffect>): rule is RulesetRule {
  return rule.effect.name === 'ruleset'
}

/** What a ruleset came to. */
export type Asked = {
  readonly isDenied: boolean
  /** Null: it found nothing. */
  readonly considered: Considered | null
  readonly signs: readonly MatchedSign[]
  readonly open: OpenInspection | null
}

/** Asks a ruleset about a request that its rule matches: all of it, or, where a body follows, the head. */
function askRuleset(rule: RulesetRule, facts: RequestFacts): Asked {
  const wire = facts.wire ?? wireOf(facts)
  if ('denied' in wire) {
    const answered = keptAnswer(rule, [...wire.denied, ...wire.deniedOnBody].includes(rule.name))
    return wire.deniedOnBody.includes(rule.name) ? { ...NOTHING, open: { rule, ask: () => answered } } : answered
  }
  const inspection = new Inspection(rule.effect.ruleset, wire, facts.route.id)
  const head = inspection.head()
  if (head.effect === 'pass' && wire.hasBody) {
    return { ...NOTHING, open: { rule, ask: (body) => answer(rule, inspection.whole(body), 'body') } }
  }
  return answer(rule, head.effect === 'deny' ? head : inspection.whole(null), 'head')
}

/** Most decisions have no ruleset, and nothing is made for them. */
const NOTHING_FOUND = {}

/** The rulesets that a walk comes to. */
export class Screening {
  #signs: MatchedSign[] | null = null
  #open: OpenInspection[] | null = null

  /** What they leave; nothing where there are none. */
  get found(): { readonly signs?: readonly MatchedSign[]; readonly open?: readonly OpenInspection[] } {
    if (this.#signs === null && this.#open === null) return NOTHING_FOUND
    const signs = this.#signs === null ? {} : { signs: this.#signs }
    return this.#open === null ? signs : { ...signs, open: this.#open }
  }

  denies<Facts extends RequestFacts>(rule: RulesetRule, facts: Facts, walk: Walk<Facts>): boolean {
    if (!walk.reaches(rule)) return false
    const { considered, signs, open, isDenied } = askRuleset(rule, facts)
    if (considered !== null) walk.considered.push(considered)
    if (signs.length > 0) this.#signs = [...(this.#signs ?? []), ...signs]
    if (open !== null) this.#open = [...(this.#open ?? []), open]
    return isDenied
  }
}

/** Asks the open rulesets about the whole request, in their order, up to the first that denies. */
export function decideOnBody(open: readonly OpenInspection[], body: WireBody | null, marks: Marks): Verdict {
  const considered: Considered[] = []
  const signs: MatchedSign[] = []
  for (const { rule, ask } of open) {
    const asked = ask(body)
    if (asked.considered !== null) considered.push(asked.considered)
    signs.push(...asked.signs)
    if (asked.isDenied) return { ...denialOf(rule), considered, marks, signs }
  }
  return { effect: 'allow', rule: 'firewall/default-pass', considered, marks, signs }
}

/** A ruleset's denial, as its rule tells it. */
export function denialOf({ name: rule, why, remedy, tells }: RulesetRule) {
  return { effect: 'deny', status: 403, code: 'firewall_denied', rule, why, remedy, tells } as const
}

const SIGNS_TOLD_MAX = 10

function answer(rule: RulesetRule, { effect, score, threshold, signs, fault }: Inspected, on: 'head' | 'body'): Asked {
  const denies = effect === 'deny'
  if (!denies && signs.length === 0 && fault === null) return NOTHING
  const { mode, name } = rule
  const told = signs.slice(0, SIGNS_TOLD_MAX)
  const shown = told.map(({ value: _, detail: __, ...sign }) => sign)
  const isEnforced = mode === 'enforce'
  const outcome = denies ? (isEnforced ? 'matched' : 'shadow') : fault === null ? 'satisfied' : 'error'
  const found = { on, score, threshold, signs: shown }
  return {
    isDenied: denies && isEnforced,
    considered: {
      rule: name,
      outcome,
      mode,
      effect: 'ruleset',
      ...(fault === null ? {} : { detail: fault }),
      found,
    },
    signs: told.map((sign) => ({ rule: name, sign })),
    open: null,
  }
}

const NOTHING: Asked = { isDenied: false, considered: null, signs: [], open: null }

function keptAnswer({ name, mode }: RulesetRule, denied: boolean): Asked {
  if (!denied) return NOTHING
  const outcome = mode === 'enforce' ? 'matched' : 'shadow'
  const considered = { rule: name, outcome, mode, effect: 'ruleset' } as const
  return { isDenied: mode === 'enforce', considered, signs: [], open: null }
}

/** An example's request on the wire. What an example leaves out is what an ordinary client sends. */
function wireOf(facts: RequestFacts): WireRequest {
  const { request, source } = facts
  const hasBody = 'body' in facts && facts.body !== undefined
  const query = new URLSearchParams(Object.entries(request.query)).toString()
  const ofBody = hasBody ? { 'content-type': 'application/json', 'content-length': '1' } : {}
  const headers = { host: 'example', 'user-agent': 'example', accept: '*/*', ...ofBody, ...request.headers }
  return {
    method: request.method,
    target: query === '' ? request.path : `${request.path}?${query}`,
    protocol: 'HTTP/1.1',
    headers: Object.entries(headers),
    source,
    hasBody,
  }
}
