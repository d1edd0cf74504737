import { isId } from '../kernel/id.ts'
import { inColumns } from './columns.ts'
import { type Command, Misuse, printerOf, readArguments, refuseMore } from './command.ts'
import { operatorClient } from './operator-client.ts'

const HELP = `tidegate cases list [--state open|approved|declined|withdrawn] [--json]
tidegate cases show CASE                                         [--json]
tidegate cases approve CASE [--reason "…"]                       [--json]
tidegate cases decline CASE [--reason "…"]                       [--json]

Review cases of the running platform, by its operator API. A vote is the local operator's.`

/** The parts of a case that are printed; the service's schema has them all. */
type Case = {
  readonly id: string
  readonly state: string
  readonly amount: { readonly currency: string; readonly value: string }
  readonly maker: string
  readonly approvals: number
  readonly needed: number
  readonly openedAt: string
  readonly dueAt: string
  readonly operation: string
  readonly transfer: string
  readonly reason: string | null
  readonly facts: unknown
  readonly votes: readonly { reviewer: string; vote: string; reason: string; at: string }[]
}
type CaseList = { readonly items: readonly Case[]; readonly next: string | null }
type Voted = { readonly case: string; readonly state: string; readonly approvals: number; readonly needed: number }

export const cases: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: { state: { type: 'string' }, reason: { type: 'string' }, json: { type: 'boolean', default: false } },
    })
    const [action, id, ...others] = positionals
    refuseMore(others)
    const print = printerOf(values.json)
    const operator = operatorClient(process.env)
    switch (action) {
      case 'list': {
        const query = values.state === undefined ? '' : `?${new URLSearchParams({ state: values.state })}`
        const list = (await operator.get(`/v1/cases${query}`)) as CaseList
        return print(list, listText(list))
      }
      case 'show': {
        const found = (await operator.get(`/v1/cases/${caseId(id)}`)) as Case
        return print(found, caseText(found))
      }
      case 'approve':
      case 'decline': {
        const vote = { vote: action, reason: values.reason ?? '' }
        const voted = (await operator.post(`/v1/cases/${caseId(id)}/votes`, vote)) as Voted
        return print(voted, `${voted.case} is ${voted.state}: ${voted.approvals} of ${voted.needed} approvals`)
      }
      default:
        throw new Misuse('say what to do with cases: list, show, approve or decline')
    }
  },
}

function caseId(text: string | undefined): string {
  if (text === undefined || !isId('case', text)) throw new Misuse('name a case: case_…')
  return text
}

function listText({ items, next }: CaseList): string {
  if (items.length === 0) return 'No cases.'
  const rows = items.map(({ id, state, amount, maker, approvals, needed, dueAt }) => [
    id,
    state,
    `${amount.value} ${amount.currency}`,
    maker,
    `${approvals}/${needed}`,
    dueAt,
  ])
  const table = inColumns([['case', 'state', 'amount', 'made by', 'approvals', 'due'], ...rows])
  return next === null ? table : `${table}\n(the newest ${items.length}; there are more)`
}

function caseText(found: Case): string {
  const { id, state, amount, maker, approvals, needed, openedAt, dueAt, operation, transfer, reason, facts } = found
  const rows = [
    ['case', id],
    ['state', reason === null ? state : `${state} (${reason})`],
    ['amount', `${amount.value} ${amount.currency}`],
    ['made by', maker],
    ['approvals', `${approvals} of ${needed}`],
    ['opened', openedAt],
    ['due', dueAt],
    ['operation', operation],
    ['transfer', transfer],
    ...found.votes.map(({ reviewer, vote, reason: why, at }) => [
      'vote',
      `${vote} by ${reviewer} at ${at}${why === '' ? '' : `: ${why}`}`,
    ]),
  ]
  return `${inColumns(rows)}\n\n${JSON.stringify(facts, null, 2)}`
}
