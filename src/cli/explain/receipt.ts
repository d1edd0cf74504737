import { STAGES, type StageName } from '../../edge/exchange.ts'
import { PROBLEMS } from '../../kernel/problem.ts'
import type { OperatorClient } from '../operator-client.ts'
import { decideAgain } from './again.ts'
import { changeOf, type Explanation, type StageResult } from './explanation.ts'
import type { KeptAssessment, KeptDecision } from './kept-decision.ts'

/**
 * Explains an answer that was given, from its receipt: as it was kept, made again under the policies of then, and under those
 * of now. `keyFile` opens what is sealed. @throws Error when the platform keeps no such receipt, or the key is another one
 */
export async function explainReceipt(
  operator: OperatorClient,
  receipt: string,
  keyFile: string | null,
): Promise<Explanation> {
  const kept = (await operator.get(`/v1/receipts/${receipt}`)) as KeptDecision
  const { method, path, status, code, detail, rule, remedy, considered, bundle } = kept
  // The receipt explains without it too: risk control may be away.
  const assessment =
    kept.assessment &&
    ((await operator.get(`/v1/assessments/${kept.assessment.id}`).catch(() => null)) as KeptAssessment | null)
  const again = await decideAgain(operator, kept, assessment, keyFile)
  return {
    request: method === undefined ? `a connection from ${kept.source}` : `${method} ${path}`,
    receipt,
    status,
    code,
    rule,
    why: detail ?? (code === null ? null : (PROBLEMS[code as keyof typeof PROBLEMS]?.[1] ?? null)),
    change: remedy ?? (code === null ? null : changeOf(code, rule)),
    review: reviewText(assessment),
    remark: kept.remark ?? null,
    wouldPass: again?.wouldPass ?? [],
    nearest: again?.nearest ?? null,
    bundle,
    stages: stagesOf(kept),
    considered: [...considered, ...(assessment?.considered ?? [])],
    assessment,
    again: again?.again ?? null,
  }
}

/** `approved by rita, rolf (case_…)`; null where nobody was asked. */
function reviewText(assessment: KeptAssessment | null): string | null {
  const review = assessment?.review ?? null
  if (review === null) return null
  const { case: id, state, reason, votes } = review
  const voted = votes.filter((vote) => !vote.void).map(({ reviewer, vote }) => `${reviewer} (${vote})`)
  const by = voted.length > 0 ? ` by ${voted.join(', ')}` : ''
  return `${id} is ${state}${by}${reason === null || reason === '' ? '' : `: ${reason}`}`
}

function stagesOf(decision: KeptDecision): readonly StageResult[] {
  const last = decision.stage === null ? STAGES.length : STAGES.indexOf(decision.stage)
  return STAGES.map((stage, at) => {
    if (at > last) return { stage, outcome: 'not reached', rule: null, note: '' }
    if (at === last) return { stage, outcome: 'deny', rule: decision.rule, note: decision.detail ?? '' }
    return { stage, outcome: 'pass', rule: passingRule(stage, decision), note: noteOf(stage, decision) }
  })
}

/** The rule that let the request pass a stage, where it is kept. */
function passingRule(stage: StageName, { considered, assessment }: KeptDecision): string | null {
  const allowed = (kind: string): string | null =>
    considered.find(({ rule, outcome, effect }) => rule.startsWith(kind) && outcome === 'matched' && effect === 'allow')
      ?.rule ?? null
  switch (stage) {
    case 'screen':
      return allowed('firewall/') ?? 'firewall/default-allow'
    case 'authorize':
      return allowed('access/')
    case 'assess':
      return assessment?.rule ?? null
    default:
      return null
  }
}

function noteOf(stage: StageName, { route, principal, assessment, status }: KeptDecision): string {
  switch (stage) {
    case 'route':
      return route ?? ''
    case 'authenticate':
      return principal === null ? '' : `${principal.kind} ${principal.id}`.trim()
    case 'assess':
      return assessment === null ? 'not asked for on this route' : assessment.outcome
    case 'forward':
      return `answered ${status}`
    default:
      return ''
  }
}
