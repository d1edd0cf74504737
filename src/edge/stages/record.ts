import { toRfc3339 } from '../../kernel/clock.ts'
import type { Problem } from '../../kernel/problem.ts'
import type { Log } from '../../platform/log.ts'
import type { DecisionLog } from '../decision-log.ts'
import type { EdgeMetrics } from '../edge-metrics.ts'
import type { Answer, Trail } from '../exchange.ts'

/** Writes the receipt: what was asked, which rules mattered, under which bundle, and what came of it. */
export function createRecord(decisions: DecisionLog, metrics: EdgeMetrics, log: Log) {
  return function record(trail: Trail, answer: Answer, problem: Problem | null): void {
    const durationMs = Date.now() - trail.startedAt
    if (problem !== null && problem.status >= 500) {
      const level = problem.code === 'internal_error' ? 'error' : 'warn' // the other 5xx are answers we foresaw
      log[level]({ receipt: trail.receipt, code: problem.code, err: problem.cause }, problem.message)
    }
    metrics.observe(trail.route ?? 'none', answer.status, durationMs)
    decisions.write({
      receipt: trail.receipt,
      at: toRfc3339(trail.startedAt),
      durationMs,
      upstreamMs: trail.upstreamMs === null ? null : Math.round(trail.upstreamMs),
      source: trail.source,
      method: trail.method,
      path: trail.path,
      route: trail.route,
      principal: trail.principal,
      status: answer.status,
      code: problem?.code ?? null,
      stage: problem === null ? null : trail.stage,
      detail: problem?.extras.detail ?? null,
      rule: problem?.extras.rule ?? trail.rule,
      remedy: problem?.extras.remedy ?? null,
      considered: trail.considered,
      assessment: trail.assessment,
      bundle: trail.bundle.digest,
    })
  }
}
