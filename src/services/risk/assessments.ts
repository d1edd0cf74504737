import type { FraudProvider, Score } from '../../adapters/fraud/port.ts'
import type { Clock, Instant } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Money } from '../../kernel/money.ts'
import { transferIdOf } from '../../kernel/operation-id.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Database } from '../../platform/database.ts'
import type { Log } from '../../platform/log.ts'
import { readAmount } from '../../platform/wire.ts'
import {
  type Bundle,
  findSmallerAmount,
  type HoldTerms,
  isWithin,
  type Marks,
  type RiskFacts,
  type RiskVerdict,
} from '../../policy/index.ts'
import { askBudget, type BudgetLeft, readBudgets } from './budget.ts'
import { type AskedParts, countAsked, countAskedAgain } from './counted-transfers.ts'
import { storedFacts } from './facts.ts'
import type { AssessmentRequest } from './schema.ts'
import { type Assessment, findAssessment, findAssessmentByKey, insertAssessment, insertLookLater } from './store.ts'
import { type Ends, endsOf, scoreEach, strictest } from './strictest.ts'
import { AMOUNTS_MS, lockMember, readMemberVelocity, readPayeeVelocity } from './velocity.ts'

export type AssessOutcome =
  /** `replayed`: decided before, and not for this call. */
  | { readonly kind: 'assessed'; readonly assessment: Assessment; readonly replayed: boolean }
  /** This member's key was used with another body. */
  | { readonly kind: 'conflict' }

/** A request as it came through the door, its amount read. */
export type Asked = AssessmentRequest & { readonly amount: Money }

export interface Assessments {
  /**
   * Decides on a transfer once for each member and Idempotency-Key, and buys at most one score for each of its payees: what
   * has legs is as strictly decided as the strictest of them, at the amount of the whole.
   * @throws Problem `overloaded`; `dependency_unavailable` when the service closes, or the provider is away and the
   * policies say `closed`: nothing was decided then
   */
  assess(asked: Asked): Promise<AssessOutcome>
  find(id: string): Promise<Assessment | null>
  /** What stands behind a score; null when the provider does not say. */
  details(seqId: string, signal: AbortSignal): Promise<unknown>
  /** The budgets that the policies have now, with what is left of each. */
  budgets(): Promise<readonly BudgetLeft[]>
}

/** What membership knows, as far as a rule asks for it. */
export interface Members {
  /** Null when there is no such member, or membership did not say in time. */
  registeredAt(member: string): Promise<Instant | null>
}

const AT_ONCE_MAX = 1_000

type Found = { readonly assessment: Assessment; readonly replayed: boolean }

export function createAssessments(deps: {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  readonly provider: FraudProvider
  readonly bundle: () => Bundle
  readonly members: Members
  /** Aborted when the service closes. */
  readonly signal: AbortSignal
}): Assessments {
  const { database, clock, log, provider, bundle, members, signal } = deps
  const underWay = new Map<string, Promise<Found>>()

  /** Two at once with one key: the second waits for the first. */
  const firstOf = (asked: Asked): Promise<Found> => {
    const key = JSON.stringify([asked.member, asked.idempotencyKey])
    const running = underWay.get(key)
    if (running !== undefined) return running.then((found) => ({ ...found, replayed: true }))
    if (underWay.size >= AT_ONCE_MAX) throw new Problem('overloaded', { headers: { 'retry-after': '1' } })
    const assessing = findOrDecide(asked).finally(() => underWay.delete(key))
    underWay.set(key, assessing)
    return assessing
  }

  const findOrDecide = async (asked: Asked): Promise<Found> => {
    const { member, idempotencyKey, amount, source } = asked
    const transfer = transferIdOf(member, idempotencyKey)
    const parts = partsOf(asked)
    const known = await database.transaction(async (sql) => {
      const found = await findAssessmentByKey(sql, member, idempotencyKey)
      const now = clock.now()
      if (found !== null && found.at <= now - AMOUNTS_MS) await countAskedAgain(sql, transfer, now)
      return found
    })
    if (known !== null) return { assessment: known, replayed: true }
    const { reference } = asked.transfer
    const { device, session, level } = asked.context ?? NO_CONTEXT
    const [scored, registeredAt] = await Promise.all([
      scoreEach(endsOf(asked.transfer), ({ from, to }) =>
        provider.score(
          { amount, from, to, reference, member, ip: source.ip, device, session, level },
          signal,
          asked.receipt,
        ),
      ),
      bundle().reads.risk.some((path) => isWithin('member.ageDays', path)) ? members.registeredAt(member) : null,
    ])
    const isAway = scored.some(({ score }) => score.status === 'unavailable')
    // That we stop says nothing of the transfer; stored as a provider that was away, it would hold it for ever.
    if (isAway && signal.aborted) throw closing()
    return database.transaction(async (sql) => {
      await lockMember(sql, member)
      const first = await findAssessmentByKey(sql, member, idempotencyKey)
      if (first !== null) return { assessment: first, replayed: true } // of another process
      const now = clock.now()
      const policies = bundle()
      const ofMember = await readMemberVelocity(sql, member, amount.currency, now)
      const known: Known[] = []
      for (const each of scored) {
        const ofPayee = await readPayeeVelocity(sql, { member, payee: each.to, device }, now)
        known.push({ ...each, velocity: { ...ofMember, ...ofPayee }, registeredAt })
      }
      const budget = isAway ? await askBudget(sql, policies.onError, amount, now) : ''
      const decided = strictest(known.map((each) => decideOn(asked, { ...each, budget }, policies, now)))
      if (decided === null) throw unanswered()
      await insertAssessment(sql, decided)
      await countAsked(sql, transfer, decided, parts)
      if (decided.outcome === 'review') await insertLookLater(sql, transfer, decided.id)
      for (const { rule, detail } of decided.considered) {
        if (detail !== undefined) log.warn({ rule, detail, receipt: asked.receipt }, 'a rule could not be evaluated')
      }
      return { assessment: decided, replayed: false }
    })
  }

  return {
    async assess(asked) {
      const found = await firstOf(asked)
      return found.assessment.bodySha256 === asked.bodySha256 ? { kind: 'assessed', ...found } : { kind: 'conflict' }
    },
    details: (seqId, asked) => provider.details(seqId, AbortSignal.any([asked, signal])),
    find: (id) => database.transaction((sql) => findAssessment(sql, id)),
    budgets: () => database.transaction((sql) => readBudgets(sql, bundle().onError, clock.now())),
  }
}

/** What goes to whom. @throws Problem `validation_failed` */
function partsOf({ transfer: { to, legs }, amount }: Asked): AskedParts {
  if (legs === undefined) return { parts: [{ to, amount }], hasLegs: false }
  const parts = legs.map((leg, index) => ({
    to: leg.to,
    amount: readAmount(leg.amount, `/transfer/legs/${index}/amount`),
  }))
  return { parts, hasLegs: true }
}

function closing(): Problem {
  return new Problem('dependency_unavailable', { detail: 'risk control is closing; nothing was decided' })
}

function unanswered(): Problem {
  return new Problem('dependency_unavailable', { detail: 'the fraud check could not be made; nothing was decided' })
}

/** What is known of one payee. The amount is the whole's: in parts it is as much. */
type Known = Ends & {
  readonly score: Score
  readonly velocity: RiskFacts['velocity']
  readonly registeredAt: Instant | null
}
type Asking = Known & { readonly budget: RiskFacts['provider']['budget'] }

const NO_CONTEXT = { device: '', session: '', level: '' }
const DAY_MS = 86_400_000

/** Null when the policies decide nothing without the provider. */
function decideOn(asked: Asked, known: Asking, policies: Bundle, now: Instant): Assessment | null {
  const { from, to, score, velocity, registeredAt, budget } = known
  const { device, session, level } = asked.context ?? NO_CONTEXT
  const ageDays = registeredAt === null ? 0 : Math.max(0, Math.floor((now - registeredAt) / DAY_MS))
  const { member, idempotencyKey, bodySha256, receipt, amount, source, marks } = asked
  const facts: RiskFacts = {
    transfer: { from, to, amount, reference: asked.transfer.reference },
    member: { id: member, level, ageDays },
    device: { id: device },
    session: { id: session },
    source,
    provider:
      score.status === 'ok'
        ? { status: 'ok', decision: score.decision, score: score.score, hitRules: score.hitRules, budget: '' }
        : { status: 'unavailable', decision: '', score: 0, hitRules: [], budget },
    velocity,
    now,
  }
  const verdict = policies.assess(facts, marks)
  if (verdict.outcome === 'closed') return null
  return {
    id: newId('assessment', now),
    member,
    idempotencyKey,
    bodySha256,
    receipt,
    at: now,
    amount,
    outcome: verdict.outcome,
    rule: verdict.rule,
    reasons: verdict.reasons,
    remedy: verdict.remedy,
    tells: verdict.tells,
    change: verdict.tells === 'change' ? changeOf(verdict.outcome, facts, marks, policies) : null,
    tags: verdict.marks.tags,
    considered: verdict.considered,
    bundle: policies.digest,
    facts: storedFacts(facts, marks, asked.transfer.legs),
    seqId: score.status === 'ok' ? score.seqId : null,
    fault: score.status === 'ok' ? null : score.reason,
    unchecked: verdict.unchecked,
    terms: termsOf(verdict),
  }
}

/** Who is asked, where somebody is; one look is enough at what has passed. */
function termsOf(verdict: RiskVerdict): HoldTerms | null {
  if (verdict.outcome !== 'hold' && verdict.outcome !== 'review') return null
  const { queue, priority, holdMs, escalateMs } = verdict
  const { approvals, approvesBelow } = verdict.outcome === 'hold' ? verdict : { approvals: 1, approvesBelow: null }
  return { approvals, holdMs, escalateMs, queue, priority, approvesBelow }
}

/** What would have let it pass, where there is something that did when it was tried. */
function changeOf(outcome: string, facts: RiskFacts, marks: Marks, policies: Bundle): string | null {
  return outcome === 'hold' || outcome === 'reject' ? findSmallerAmount(policies, facts, marks) : null
}
