import { STAGES, type StageName } from '../../edge/exchange.ts'
import { PROBLEMS } from '../../kernel/problem.ts'
import type { Considered } from '../../policy/index.ts'
import type { OperatorClient } from '../operator-client.ts'
import { changeOf, type Explanation, type StageResult } from './explanation.ts'

/** The parts of a kept decision that are explained; `src/edge/stages/record.ts` writes it. */
export type KeptDecision = {
  readonly receipt: string
  readonly method: string
  readonly path: string
  readonly route: string | null
  readonly principal: { readonly kind: string; readonly id: string } | null
  readonly status: number
  readonly code: string | null
  /** The stage that refused; null when the service's own answer was passed on. */
  readonly stage: StageName | null
  readonly detail: string | null
  readonly rule: string | null
  readonly remedy: string | null
  readonly considered: readonly Considered[]
  readonly assessment: { readonly id: string; readonly outcome: string; readonly rule: string } | null
  readonly bundle: string
}

/** Explains an answer that was given, from its receipt. @throws Error when the platform keeps no such receipt */
export async function explainReceipt(operator: OperatorClient, receipt: string): Promise<Explanation> {
  const decision = (await operator.get(`/v1/receipts/${receipt}`)) as KeptDecision
  const { method, path, status, code, detail, rule, remedy, considered, bundle } = decision
  // The receipt explains without it too: risk control may be away.
  const assessment =
    decision.assessment && (await operator.get(`/v1/assessments/${decision.assessment.id}`).catch(() => null))
  const ofRisk = (assessment as { considered?: readonly Considered[] } | null)?.considered ?? []
  return {
    request: `${method} ${path}`,
    receipt,
    status,
    code,
    rule,
    why: detail ?? (code === null ? null : (PROBLEMS[code as keyof typeof PROBLEMS]?.[1] ?? null)),
    change: remedy ?? (code === null ? null : changeOf(code, rule)),
    bundle,
    stages: stagesOf(decision),
    considered: [...considered, ...ofRisk],
    assessment,
  }
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
    considered.findLast(({ rule, outcome }) => rule.startsWith(kind) && outcome === 'matched')?.rule ?? null
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
