import type { FraudProvider, Score } from '../../adapters/fraud/port.ts'
import type { Clock, Instant } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Money } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Database } from '../../platform/database.ts'
import type { Bundle, RiskFacts } from '../../policy/index.ts'
import { storedFacts } from './facts.ts'
import type { AssessmentRequest } from './schema.ts'
import {
  type Assessment,
  findAssessment,
  findAssessmentByKey,
  insertAssessment,
  lockMember,
  readVelocity,
} from './store.ts'

export type AssessOutcome =
  | { readonly kind: 'assessed'; readonly assessment: Assessment }
  /** This member's key was used with another body. */
  | { readonly kind: 'conflict' }

/** A request as it came through the door, its amount read. */
export type Asked = AssessmentRequest & { readonly amount: Money }

export interface Assessments {
  /**
   * Decides on a transfer once for each member and Idempotency-Key, and buys at most one score for it.
   * @throws Problem `overloaded`; `dependency_unavailable` when the service closes: nothing was decided then
   */
  assess(asked: Asked): Promise<AssessOutcome>
  find(id: string): Promise<Assessment | null>
}

const AT_ONCE_MAX = 1_000

export function createAssessments(deps: {
  readonly database: Database
  readonly clock: Clock
  readonly provider: FraudProvider
  readonly bundle: () => Bundle
  /** Aborted when the service closes. */
  readonly signal: AbortSignal
}): Assessments {
  const { database, clock, provider, bundle, signal } = deps
  const underWay = new Map<string, Promise<Assessment>>()

  /** Two at once with one key: the second waits for the first. */
  const firstOf = (asked: Asked): Promise<Assessment> => {
    const key = JSON.stringify([asked.member, asked.idempotencyKey])
    const running = underWay.get(key)
    if (running !== undefined) return running
    if (underWay.size >= AT_ONCE_MAX) throw new Problem('overloaded', { headers: { 'retry-after': '1' } })
    const assessing = findOrDecide(asked).finally(() => underWay.delete(key))
    underWay.set(key, assessing)
    return assessing
  }

  const findOrDecide = async (asked: Asked): Promise<Assessment> => {
    const { member, idempotencyKey, amount, source } = asked
    const known = await database.transaction((sql) => findAssessmentByKey(sql, member, idempotencyKey))
    if (known !== null) return known
    const { from, to, reference } = asked.transfer
    const score = await provider.score({ amount, from, to, reference, member, ip: source.ip }, signal)
    // That we stop says nothing of the transfer; stored as a provider that was away, it would hold it for ever.
    if (score.status === 'unavailable' && signal.aborted) throw closing()
    return database.transaction(async (sql) => {
      await lockMember(sql, member)
      const first = await findAssessmentByKey(sql, member, idempotencyKey)
      if (first !== null) return first // of another process
      const now = clock.now()
      const velocity = await readVelocity(sql, member, amount.currency, now)
      const decided = decideOn(asked, score, velocity, bundle(), now)
      await insertAssessment(sql, decided)
      return decided
    })
  }

  return {
    async assess(asked) {
      const assessment = await firstOf(asked)
      return assessment.bodySha256 === asked.bodySha256 ? { kind: 'assessed', assessment } : { kind: 'conflict' }
    },
    find: (id) => database.transaction((sql) => findAssessment(sql, id)),
  }
}

function closing(): Problem {
  return new Problem('dependency_unavailable', { detail: 'risk control is closing; nothing was decided' })
}

function decideOn(
  asked: Asked,
  score: Score,
  velocity: RiskFacts['velocity'],
  policies: Bundle,
  now: Instant,
): Assessment {
  const { member, idempotencyKey, bodySha256, receipt, amount, source, marks } = asked
  const facts: RiskFacts = {
    transfer: { ...asked.transfer, amount },
    member: { id: member },
    source,
    provider:
      score.status === 'ok'
        ? { status: 'ok', decision: score.decision, score: score.score, hitRules: score.hitRules }
        : { status: 'unavailable', decision: '', score: 0, hitRules: [] },
    velocity,
    now,
  }
  const verdict = policies.assess(facts, marks)
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
    considered: verdict.considered,
    bundle: policies.digest,
    facts: storedFacts(facts),
    seqId: score.status === 'ok' ? score.seqId : null,
    fault: score.status === 'ok' ? null : score.reason,
    review: verdict.outcome === 'hold' ? { approvals: verdict.approvals, decideMs: verdict.holdMs } : null,
  }
}
