import { isId } from '../kernel/id.ts'
import { type Case, type CaseList, caseText, listText, type RawDecision, rawText } from './cases-text.ts'
import { type Command, Misuse, printerOf, readArguments, refuseMore } from './command.ts'
import { type OperatorClient, operatorClient } from './operator-client.ts'

const HELP = `tidegate cases list [--state open|approved|declined|withdrawn] [--queue Q] [--mine]  [--json]
tidegate cases show CASE                                                              [--json]
tidegate cases assign CASE [--to REVIEWER] [--minutes N]                              [--json]
tidegate cases next [--queue Q] [--minutes N]                                         [--json]
tidegate cases release CASE                                                           [--json]
tidegate cases note CASE --text "…"                                                   [--json]
tidegate cases approve CASE [--reason "…"] [--seen VERSION]                           [--json]
tidegate cases decline CASE [--reason "…"] [--seen VERSION]                           [--json]
tidegate cases label CASE|ASSESSMENT --as confirmed_fraud|chargeback|false_alarm [--text "…"]
tidegate cases raw CASE                                                               [--json]
tidegate cases unowned                                                                [--json]

Review cases of the running platform, by its operator API. A vote is the local operator's.

assign   nobody else decides for so many minutes (30), or until there is a vote; next takes the most urgent case that is free,
         release gives one back
--seen   the version of the case that was looked at: a vote on facts that have changed since is refused
label    what a transfer turned out to be: tidegate policy backtest counts it, and open cases on the same payee change with fraud
raw      the desk's signed decisions as they arrived, each verified again with the keys of today as of then
unowned  money that is held and that no open case decides on; exit 1 when there is some`

type Voted = { readonly case: string; readonly state: string; readonly approvals: number; readonly needed: number }
type Unowned = { readonly held: number; readonly items: readonly { readonly transfer: string }[] }

const OPTIONS = {
  state: { type: 'string' },
  queue: { type: 'string' },
  mine: { type: 'boolean', default: false },
  to: { type: 'string' },
  minutes: { type: 'string' },
  text: { type: 'string' },
  as: { type: 'string' },
  reason: { type: 'string' },
  seen: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const
type Values = ReturnType<typeof readCases>['values']

const readCases = (args: readonly string[]) =>
  readArguments({ args: [...args], allowPositionals: true, options: OPTIONS })

export const cases: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readCases(args)
    const [action, id, ...others] = positionals
    refuseMore(others)
    const print = printerOf(values.json)
    const operator = operatorClient(process.env)
    switch (action) {
      case 'list': {
        const list = await listCases(operator, values)
        return print(list, listText(list))
      }
      case 'label': {
        if (values.as === undefined)
          throw new Misuse('say what it was: --as confirmed_fraud, chargeback or false_alarm')
        const path = `/v1/assessments/${await assessmentOf(operator, id)}/labels`
        const labels = await operator.post(path, { label: values.as, note: values.text ?? '' })
        return print(labels, `${id} is labelled ${values.as}`)
      }
      case 'unowned': {
        const found = (await operator.get('/v1/cases/unowned')) as Unowned
        const names = found.items.map(({ transfer }) => transfer)
        print(found, names.length === 0 ? `each of ${found.held} holds has its case` : names.join('\n'))
        return names.length === 0 ? 0 : 1
      }
      case 'raw': {
        const { items } = (await operator.get(`/v1/cases/${caseId(id)}/decisions`)) as { items: readonly RawDecision[] }
        return print(items, rawText(items))
      }
      case 'approve':
      case 'decline': {
        const caseVersion = values.seen === undefined ? {} : { caseVersion: wholeNumber('--seen', values.seen) }
        const vote = { vote: action, reason: values.reason ?? '', ...caseVersion }
        const voted = (await operator.post(`/v1/cases/${caseId(id)}/votes`, vote)) as Voted
        return print(voted, `${voted.case} is ${voted.state}: ${voted.approvals} of ${voted.needed} approvals`)
      }
      default: {
        const found = (await work(operator, action, id, values)) as Case
        return print(found, caseText(found))
      }
    }
  },
}

function listCases(operator: OperatorClient, { state, queue, mine }: Values): Promise<CaseList> {
  const asked = { ...(state && { state }), ...(queue && { queue }), ...(mine && { assignee: 'op_local' }) }
  const query = new URLSearchParams(asked).toString()
  return operator.get(`/v1/cases${query === '' ? '' : `?${query}`}`) as Promise<CaseList>
}

/** What is answered with the case as it stands then. */
function work(operator: OperatorClient, action: string | undefined, id: string | undefined, values: Values) {
  const minutes = values.minutes === undefined ? {} : { minutes: wholeNumber('--minutes', values.minutes) }
  switch (action) {
    case 'show':
      return operator.get(`/v1/cases/${caseId(id)}`)
    case 'assign':
      return operator.post(`/v1/cases/${caseId(id)}/assignment`, {
        ...minutes,
        ...(values.to && { reviewer: values.to }),
      })
    case 'next':
      return operator.post('/v1/cases/next', { ...minutes, ...(values.queue && { queue: values.queue }) })
    case 'release':
      return operator.delete(`/v1/cases/${caseId(id)}/assignment`)
    case 'note':
      if (values.text === undefined) throw new Misuse('say what to note: --text "…"')
      return operator.post(`/v1/cases/${caseId(id)}/notes`, { text: values.text })
    default:
      throw new Misuse(
        'say what to do with cases: list, show, assign, next, release, note, approve, decline, label, raw, unowned',
      )
  }
}

async function assessmentOf(operator: OperatorClient, id: string | undefined): Promise<string> {
  if (id !== undefined && isId('assessment', id)) return id
  return ((await operator.get(`/v1/cases/${caseId(id)}`)) as Case).assessment
}

function caseId(text: string | undefined): string {
  if (text === undefined || !isId('case', text)) throw new Misuse('name a case: case_…')
  return text
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text))
    throw new Misuse(`${option} ${JSON.stringify(text)} is no whole number above zero`)
  return Number(text)
}
