import type { PolicyReport, RuleReport } from '../../edge/policy-report.ts'
import { inColumns } from '../columns.ts'
import { Misuse } from '../command.ts'
import type { OperatorClient } from '../operator-client.ts'

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** What each rule did since then, from the decisions that the running platform keeps. @throws Misuse */
export async function readReport(operator: OperatorClient, since: string): Promise<PolicyReport> {
  return (await operator.get(`/v1/policies/report?since=${timeBefore(since)}`)) as PolicyReport
}

/** The time so long ago, in RFC 3339. @throws Misuse */
export function timeBefore(since: string): string {
  const match = /^([1-9]\d{0,4})([mhd])$/.exec(since)
  if (match === null) throw new Misuse(`--since ${JSON.stringify(since)} is no time such as 30m, 24h or 7d`)
  const [, count, unit] = match
  return new Date(Date.now() - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]).toISOString()
}

export function reportText(report: PolicyReport): string {
  const { since, reachesBackTo, decisions, allowedSample, estimated, membersCapped, rules } = report
  const head = [
    ['since', since],
    ['log', reachesBackTo === null ? 'empty' : `reaches back to ${reachesBackTo}`],
    ['decisions', String(decisions)],
    ['kept', allowedSample === 1 ? 'all' : `${allowedSample} of the plainly allowed, all others`],
  ]
  if (estimated) head.push(['', 'counts of allowed requests are estimates from that part'])
  if (membersCapped) head.push(['', 'there were more callers than are told apart: members are at least so many'])
  const rows = rules.map((rule) => [
    rule.rule,
    String(rule.hits),
    String(rule.shadowHits),
    String(rule.errors),
    String(rule.members),
    rule.money.map(({ currency, value }) => `${value} ${currency}`).join(', '),
    newest(rule),
  ])
  const table = inColumns([['rule', 'hits', 'shadow', 'errors', 'members', 'money', 'newest receipt'], ...rows])
  return `${inColumns(head)}\n\n${table}`
}

function newest({ receipts: [first = ''] }: RuleReport): string {
  return first
}
