import type { StageName } from '../../edge/exchange.ts'
import type { ReceiptRemark } from '../../platform/receipt-remark.ts'
import type { Considered, NearRule } from '../../policy/index.ts'
import { inColumns } from '../columns.ts'
import type { Again } from './again.ts'

/** What a stage did with the request. `open`: it can't be told from here, and `note` says why. */
export type StageResult = {
  readonly stage: StageName
  readonly outcome: 'pass' | 'deny' | 'open' | 'not reached'
  /** The rule that let it pass or refused it. */
  readonly rule: string | null
  readonly note: string
}

/** Why a request was, or would be, answered as it is. */
export type Explanation = {
  readonly request: string
  readonly receipt: string | null
  /** Null where only the service behind the edge knows. */
  readonly status: number | null
  readonly code: string | null
  readonly rule: string | null
  readonly why: string | null
  readonly change: string | null
  /** What people made of it, and who they were. */
  readonly review: string | null
  /** What the service had written into the receipt, such as who decided what by the request. */
  readonly remark: ReceiptRemark | null
  /** Changes that were tried on the policies of then, and passed. */
  readonly wouldPass: readonly string[]
  /** Of a denial by default: the rule that was nearest to allowing it. */
  readonly nearest: NearRule | null
  readonly bundle: string
  readonly stages: readonly StageResult[]
  /** Rules that applied, in shadow too. */
  readonly considered: readonly Considered[]
  /** As risk control keeps it. */
  readonly assessment: unknown
  /** The decision made again; null for a request that was not sent, or that no policy was asked about. */
  readonly again: Again | null
}

export function explanationText(explanation: Explanation): string {
  const { request, receipt, status, code, rule, why, change, bundle, stages, considered, assessment } = explanation
  const { wouldPass, nearest, again } = explanation
  const head = [
    ['request', request],
    ['receipt', receipt],
    ['answer', status === null ? (code ?? 'the service decides') : `${status} ${code ?? ''}`.trim()],
    ['rule', rule],
    ['why', why],
    ['to change it', change],
    ['people', explanation.review],
    ['remark', remarkText(explanation.remark)],
    ['would have passed', wouldPass.length === 0 ? null : wouldPass.join(', or ')],
    ['nearest rule', nearest === null ? null : `${nearest.rule}, which asks for ${nearest.lacks.join(' and ')}`],
    ['policies', bundle],
    ...(again === null ? [] : againLines(again)),
  ].flatMap(([name, value]) => (value === null || value === undefined ? [] : [[name ?? '', value]]))
  const table = stages.map((it) => [it.stage, it.outcome, it.rule ?? '', it.note])
  const rules = considered.map((it) => [it.rule, it.outcome, it.effect, it.detail ?? ''])
  const parts = [inColumns(head), inColumns(table)]
  if (rules.length > 0) parts.push(`Rules that applied:\n${inColumns(rules)}`)
  const found = considered.flatMap(foundLines)
  if (found.length > 0) parts.push(`What rulesets found:\n${inColumns(found)}`)
  if (assessment !== null) parts.push(`Assessment:\n${JSON.stringify(assessment, null, 2)}`)
  return parts.join('\n\n')
}

function remarkText(remark: ReceiptRemark | null): string | null {
  return (
    remark &&
    Object.entries(remark)
      .map((pair) => pair.join(': '))
      .join(', ')
  )
}

function foundLines({ rule, found }: Considered): readonly (readonly string[])[] {
  if (found === undefined) return []
  const { score, threshold, signs } = found
  const each = signs.map(({ id, variable, message, score: by }) => [`  ${id}`, variable, `${message} (score ${by})`])
  return [[rule, `score ${score}`, `denied from ${threshold} on`], ...each]
}

const OUTCOMES = {
  same: 'the same',
  differs: 'SOMETHING ELSE: this is a fault of Tidegate, please report it',
  incomplete: 'can not be told',
} as const

function againLines({ outcome, notes, today }: Again): [string, string][] {
  const lines: [string, string][] = [
    ['decided again', OUTCOMES[outcome]],
    ...notes.map((note): [string, string] => ['', note]),
  ]
  if (today === null) return [...lines, ['policies of now', 'can not be had']]
  const { bundle, decides, differs, unread } = today
  lines.push(['policies of now', `${differs ? 'decide otherwise' : 'decide the same'}: ${decides} (${bundle})`])
  if (unread.length > 0) lines.push(['', `they also read ${unread.join(', ')}, which the receipt does not have`])
  return lines
}

/** What lets a refused request pass, where the rule itself does not say. */
export function changeOf(code: string, rule: string | null): string | null {
  switch (code) {
    case 'unauthenticated':
      return 'send an access token (npx tidegate token --member mem_…)'
    case 'invalid_token':
      return 'send a token that one of the configured issuers gave for this audience, and that has not expired'
    case 'route_not_found':
      return 'call a path that the config has a route for, or add one there'
    case 'method_not_allowed':
      return 'use one of the methods of the route'
    case 'policy_denied':
    case 'firewall_denied':
    case 'risk_rejected':
      return rule?.includes('/default-') ? 'add a rule that allows it' : `change the rule ${rule} in the policies`
    case 'idempotency_key_required':
      return 'send an Idempotency-Key, the same one for each attempt'
    default:
      return null
  }
}
