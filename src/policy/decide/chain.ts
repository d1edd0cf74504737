import type { WireBody } from '../../firewall/index.ts'
import { PROBLEMS, type ProblemCode } from '../../kernel/problem.ts'
import type { Bundle } from '../bundle.ts'
import type { AccessFacts, RequestFacts, RiskFacts } from '../facts.ts'
import { type Marks, NO_MARKS } from './marks.ts'
import type { Considered, Quota, QuotaCharge, RiskVerdict, StepUpDemand, Verdict } from './verdict.ts'

/** The stages that decide by policies, in the order of the edge's pipeline. */
export const DECIDING_STAGES = ['screen', 'authenticate', 'meter', 'authorize', 'inspect', 'assess'] as const
export type DecidingStage = (typeof DECIDING_STAGES)[number]

/** All that the policies see of one request, from its head to what risk control knows. */
export type ChainFacts = RequestFacts & {
  /** The scopes that the route asks for, all of them. */
  readonly scopesNeeded: readonly string[]
  /** Null when the route asks for a token and the request has none that is valid. */
  readonly principal: AccessFacts['principal'] | null
  readonly claims: AccessFacts['claims']
  /** Of a route whose bodies are read by a schema; left out where it is not known. */
  readonly body?: unknown
  /** What risk control decides on; null on a route that does not ask it. */
  readonly risk: RiskFacts | null
  /** Quotas (`quota/ID`) that are used up. All others have room: counts are not facts. */
  readonly usedUp: readonly string[]
}

/** What one stage made of the request. */
export type ChainStep = {
  readonly stage: DecidingStage
  readonly outcome: 'pass' | 'deny' | RiskVerdict['outcome']
  /** The rule that decided; null where none has to: a token that is valid, a quota with room. */
  readonly rule: string | null
  readonly considered: readonly Considered[]
  /** Of `meter`: the quotas that apply. */
  readonly charges: readonly QuotaCharge[]
}

/** What the whole chain made of it. */
export type ChainDecision = {
  /** `allow` where risk control is not asked; else what it says, or a denial before it. */
  readonly outcome: 'allow' | 'deny' | RiskVerdict['outcome']
  /** The stage that decided: the one that refused or held it, else the last. */
  readonly stage: DecidingStage
  readonly rule: string
  /** Of a refusal; null when the request passes, if only to be held. */
  readonly refusal: Refusal | null
  /** Each stage that was reached, in order. */
  readonly steps: readonly ChainStep[]
}

export type Refusal = {
  readonly status: number
  readonly code: ProblemCode
  readonly why: string
  readonly remedy: string | null
  /** The sign-in that would do, where a stronger or fresher one is asked for. */
  readonly stepUp: StepUpDemand | null
}

/**
 * Takes one request through every policy of the bundle as the edge and risk control do, offline: nothing is counted,
 * asked or sent. `marks`: what the request has before any rule. Pure, so the same facts give the same decision months later.
 */
export function decideChain(bundle: Bundle, facts: ChainFacts, marks: Marks = NO_MARKS): ChainDecision {
  const steps: ChainStep[] = []
  const taken = (stage: DecidingStage, rule: string | null, more: Partial<ChainStep> = {}): void => {
    steps.push({ stage, rule, outcome: 'pass', considered: [], charges: [], ...more })
  }
  const refused = (rule: string, refusal: Refusal): ChainDecision => {
    const { stage } = steps.at(-1) as ChainStep
    return { outcome: 'deny', stage, rule, refusal, steps }
  }

  const screening = bundle.screen(facts, marks) // with a body, as far as the head goes
  taken('screen', screening.rule, stepOf(screening))
  if (screening.effect !== 'allow') return refused(screening.rule, refusalOf(screening))

  const { principal, route } = facts
  if (principal === null) {
    taken('authenticate', null, { outcome: 'deny' })
    return refused(`route/${route.id}`, problem('unauthenticated', 'The request has no valid access token.'))
  }
  taken('authenticate', null)

  const known: AccessFacts = { ...facts, principal }
  const metering = bundle.quotas(known, screening.marks)
  const { charges } = metering
  const counted = spend(charges, 'request', facts.usedUp)
  taken('meter', counted.refusing?.name ?? null, {
    outcome: counted.refusing === null ? 'pass' : 'deny',
    considered: [...metering.considered, ...counted.considered],
    charges,
  })
  if (counted.refusing !== null) return refused(...exceeded(counted.refusing))

  const lacking = facts.scopesNeeded.filter((scope) => !principal.scopes.includes(scope))
  if (lacking.length > 0) {
    const rule = `route/${route.id}`
    taken('authorize', rule, { outcome: 'deny' })
    const remedy = `ask for a token with the scope ${facts.scopesNeeded.join(' ')}`
    return refused(rule, problem('insufficient_scope', `the token lacks the scope ${lacking.join(' ')}`, remedy))
  }
  const access = bundle.authorize(known, metering.marks)
  taken('authorize', access.rule, stepOf(access))
  if (access.effect !== 'allow') return refused(access.rule, refusalOf(access))
  const hasBody = facts.body !== undefined || (facts.wire !== undefined && 'denied' in facts.wire)
  const opened = hasBody ? bundle.screenBody(screening.open ?? [], bodyOf(facts.body)) : null
  if (opened !== null && opened.considered.length > 0) {
    taken('inspect', opened.rule, stepOf(opened))
    if (opened.effect !== 'allow') return refused(opened.rule, refusalOf(opened))
  }
  const inspection = facts.body === undefined ? null : bundle.inspect({ ...known, body: facts.body }, access.marks)
  if (inspection !== null) {
    taken('inspect', inspection.rule, stepOf(inspection))
    if (inspection.effect !== 'allow') return refused(inspection.rule, refusalOf(inspection))
  }
  if (facts.risk === null) return { outcome: 'allow', stage: 'authorize', rule: access.rule, refusal: null, steps }

  const verdict = bundle.assess(facts.risk, (inspection ?? access).marks)
  const { outcome, rule, considered, reasons } = verdict
  if (outcome === 'reject' || outcome === 'closed') {
    taken('assess', rule, { outcome, considered })
    const code = outcome === 'reject' ? 'risk_rejected' : 'dependency_unavailable'
    return { ...refused(rule, problem(code, reasons.join(' '), verdict.remedy)), outcome }
  }
  // What passes is charged last: only then it is known that the money would move.
  const charged = spend(charges, 'amount', facts.usedUp)
  taken('assess', charged.refusing?.name ?? rule, {
    outcome: charged.refusing === null ? outcome : 'deny',
    considered: [...considered, ...charged.considered],
  })
  if (charged.refusing !== null) return refused(...exceeded(charged.refusing))
  return { outcome, stage: 'assess', rule, refusal: null, steps }
}

/** As JSON, which is what bodies are on routes that have them read. */
export function bodyOf(body: unknown): WireBody {
  return { bytes: Buffer.from(JSON.stringify(body) ?? '') }
}

function stepOf({ effect, considered }: Verdict): Partial<ChainStep> {
  return { outcome: effect === 'allow' ? 'pass' : 'deny', considered }
}

function refusalOf(verdict: Exclude<Verdict, { effect: 'allow' }>): Refusal {
  const { status, code, why, remedy } = verdict
  return { status, code, why, remedy, stepUp: verdict.effect === 'stepUp' ? verdict : null }
}

function problem(code: ProblemCode, why: string, remedy: string | null = null): Refusal {
  return { status: PROBLEMS[code][0], code, why, remedy, stepUp: null }
}

/** Charges in order up to the first that is used up and enforced; those in shadow that are used up are taken down. */
function spend(charges: readonly QuotaCharge[], cost: 'request' | 'amount', usedUp: readonly string[]) {
  const considered: Considered[] = []
  for (const { quota, points } of charges) {
    const { name: rule, mode } = quota
    if ((points === 'amount') !== (cost === 'amount') || !usedUp.includes(rule)) continue
    considered.push({ rule, outcome: mode === 'enforce' ? 'matched' : 'shadow', mode, effect: 'throttle' })
    if (mode === 'enforce') return { considered, refusing: quota }
  }
  return { considered, refusing: null }
}

function exceeded({ name, why, remedy }: Quota): [rule: string, refusal: Refusal] {
  return [name, problem('quota_exceeded', why, remedy)]
}
