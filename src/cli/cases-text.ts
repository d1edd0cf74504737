import { inColumns } from './columns.ts'

/** The parts of a case that are printed; the service's schema has them all. */
export type Case = {
  readonly id: string
  readonly kind: string
  readonly state: string
  readonly amount: { readonly currency: string; readonly value: string }
  readonly maker: string
  readonly approvals: number
  readonly needed: number
  readonly queue: string
  readonly priority: string
  readonly assignment: { readonly reviewer: string; readonly until: string } | null
  readonly caseVersion: number
  readonly openedAt: string
  readonly escalateAt: string | null
  readonly dueAt: string
  readonly onTimeout: string
  readonly operation: string
  readonly transfer: string
  readonly assessment: string
  readonly reason: string | null
  readonly facts: unknown
  readonly votes: readonly { reviewer: string; vote: string; reason: string; at: string; void: boolean }[]
  /** Left out of lists. */
  readonly history?: readonly { at: string; actor: string; kind: string; detail: unknown }[]
}
export type CaseList = { readonly items: readonly Case[]; readonly next: string | null }
export type RawDecision = {
  readonly receivedAt: string
  readonly verified: boolean
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly answer: unknown
}

export function listText({ items, next }: CaseList): string {
  if (items.length === 0) return 'No cases.'
  const rows = items.map(({ id, state, amount, maker, approvals, needed, queue, priority, assignment, dueAt }) => [
    ...[id, state, `${amount.value} ${amount.currency}`, maker, `${approvals}/${needed}`, queue, priority],
    ...[assignment?.reviewer ?? '-', dueAt],
  ])
  const head = ['case', 'state', 'amount', 'made by', 'approvals', 'queue', 'priority', 'has it', 'due']
  const table = inColumns([head, ...rows])
  return next === null ? table : `${table}\n(the newest ${items.length}; there are more)`
}

export function caseText(found: Case): string {
  const { id, state, amount, maker, approvals, needed, openedAt, dueAt, operation, transfer, reason, facts } = found
  const { kind, queue, priority, assignment, caseVersion, escalateAt, onTimeout, history = [] } = found
  const rows = [
    ['case', `${id}, version ${caseVersion}`],
    ['state', reason === null || reason === '' ? state : `${state} (${reason})`],
    ['amount', `${amount.value} ${amount.currency}`],
    ['money', kind === 'held' ? 'held until it is decided' : 'moved already'],
    ['made by', maker],
    ['approvals', `${approvals} of ${needed}`],
    ['queue', `${queue}, ${priority}`],
    ['has it', assignment === null ? 'nobody' : `${assignment.reviewer} until ${assignment.until}`],
    ['opened', openedAt],
    ['escalates', escalateAt ?? 'no more'],
    ['due', `${dueAt}, then: ${onTimeout}`],
    ['operation', operation],
    ['transfer', transfer],
    ...found.votes.map(({ reviewer, vote, reason: why, at, void: isVoid }) => [
      isVoid ? 'void vote' : 'vote',
      `${vote} by ${reviewer} at ${at}${why === '' ? '' : `: ${why}`}`,
    ]),
  ]
  const events = history.map((event) => [event.at, event.actor, event.kind, JSON.stringify(event.detail)])
  const parts = [inColumns(rows), ...(events.length === 0 ? [] : [inColumns(events)]), JSON.stringify(facts, null, 2)]
  return parts.join('\n\n')
}

export function rawText(items: readonly RawDecision[]): string {
  if (items.length === 0) return 'No signed decisions.'
  const each = items.map(({ receivedAt, verified, headers, body, answer }) => {
    const signed = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    const verdict = verified ? 'the signature holds' : 'NO KEY OF TODAY SIGNED THIS'
    return [`${receivedAt}  ${verdict}`, ...signed, body, JSON.stringify(answer)].join('\n')
  })
  return each.join('\n\n')
}
