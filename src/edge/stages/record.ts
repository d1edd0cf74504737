import { type Clock, toRfc3339 } from '../../kernel/clock.ts'
import type { Problem } from '../../kernel/problem.ts'
import type { Log } from '../../platform/log.ts'
import { traceIdOf } from '../../platform/trace-context.ts'
import { CREDENTIAL_HEADERS } from '../../policy/index.ts'
import type { DecisionLog } from '../decision-log.ts'
import type { EdgeMetrics } from '../edge-metrics.ts'
import type { Answer, Trail } from '../exchange.ts'
import { factsOfReceipt, type ReceiptFacts } from '../receipt-facts.ts'
import { isSampled } from '../sampling.ts'

export type RecordDeps = {
  readonly clock: Clock
  readonly decisions: DecisionLog
  /** Whether the log seals secret facts; without, they are left out. */
  readonly seals: boolean
  /** The part of the plainly allowed requests that is kept, 0 to 1. */
  readonly allowedSample: number
  readonly metrics: EdgeMetrics
  readonly log: Log
}

/** Writes the receipt: what was asked, which rules mattered, under which bundle, and what came of it. */
export function createRecord({ clock, decisions, seals, allowedSample, metrics, log }: RecordDeps) {
  return function record(trail: Trail, answer: Answer, problem: Problem | null): void {
    const durationMs = clock.now() - trail.startedAt
    if (problem !== null && problem.status >= 500) {
      const level = problem.code === 'internal_error' ? 'error' : 'warn' // the other 5xx are answers we foresaw
      const traced = trail.span === null ? {} : { trace: traceIdOf(trail.span.context) }
      log[level]({ receipt: trail.receipt, ...traced, code: problem.code, err: problem.cause }, problem.message)
    }
    metrics.observe(trail.route ?? 'none', answer.status, problem?.code ?? null, durationMs)
    metrics.rulesConsidered(trail.considered)
    if (trail.assessment?.replayed === false) {
      metrics.rulesConsidered(trail.assessment.considered)
      metrics.assessed(trail.assessment.outcome)
      if (trail.assessment.unchecked) metrics.passedUnchecked()
    }
    const { facts, forwarded, upstreamMs } = trail
    if (forwarded !== null && facts !== null) metrics.forwarded(facts.route.upstream, forwarded, upstreamMs ?? 0)
    const sample = isPlainlyAllowed(trail, answer, problem) ? allowedSample : null
    if (sample !== null && !isSampled(trail.receipt, sample)) return
    const kept = withSigns(facts === null ? NO_FACTS : factsOfReceipt(trail.bundle, facts), trail.signs)
    metrics.receipted()
    decisions.write(
      {
        receipt: trail.receipt, // first: the log is searched for lines that begin with it
        at: toRfc3339(trail.startedAt),
        durationMs,
        upstreamMs: upstreamMs === null ? null : Math.round(upstreamMs),
        attempts: trail.attempts,
        endpoint: trail.endpoint,
        source: trail.source,
        method: trail.method,
        path: trail.path,
        route: trail.route,
        forwarded,
        remark: trail.remark,
        principal: trail.principal,
        status: answer.status,
        sample,
        code: problem?.code ?? null,
        stage: problem === null ? null : trail.stage,
        detail: problem?.extras.detail ?? null,
        rule: problem?.extras.rule ?? trail.rule,
        remedy: problem?.extras.remedy ?? null,
        change: problem?.extras.change ?? null,
        considered: trail.considered,
        marks: trail.marks,
        assessment: trail.assessment,
        bundle: trail.bundle.digest,
        scopesNeeded: trail.scopesNeeded,
        withheld: kept.secret !== null && !seals ? [...kept.withheld, 'all that would be sealed'] : kept.withheld,
      },
      kept,
    )
  }
}

/** What matched a ruleset is whatever a caller sent: it goes with what is sealed, credentials nowhere. */
function withSigns(kept: ReceiptFacts, signs: Trail['signs']): ReceiptFacts {
  if (signs.length === 0) return kept
  const matched = signs.map(({ rule, sign: { id, variable, value, detail } }) => {
    const isCredential = CREDENTIALS.test(variable)
    return { rule, id, variable, ...(isCredential ? {} : { value, detail }) }
  })
  const secret = { ...(kept.secret === null ? {} : JSON.parse(kept.secret)), matched }
  return { ...kept, secret: JSON.stringify(secret) }
}

const CREDENTIALS = new RegExp(`^REQUEST_(?:COOKIES|HEADERS:(?:${CREDENTIAL_HEADERS.join('|')})$)`, 'i')

const NO_FACTS: ReceiptFacts = { open: '{}', secret: null, withheld: [] }

/** Nothing was refused, held, in error, remarked on or different had a rule in shadow been enforced. */
function isPlainlyAllowed(
  { considered, assessment, remark }: Trail,
  { status }: Answer,
  problem: Problem | null,
): boolean {
  if (problem !== null || status >= 400 || remark !== null) return false
  if (assessment !== null && (assessment.outcome !== 'accept' || assessment.unchecked)) return false
  const mattered = [...considered, ...(assessment?.considered ?? [])]
  return mattered.every(({ outcome, mode }) => mode === 'enforce' && (outcome === 'matched' || outcome === 'satisfied'))
}
