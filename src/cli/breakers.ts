import type { BreakerBoard } from '../platform/breaker-wire.ts'
import { inColumns } from './columns.ts'
import { type Command, Misuse, printerOf, readArguments, refuseMore } from './command.ts'
import { operatorClient } from './operator-client.ts'

const HELP = `tidegate breakers [list]                                                            [--json]
tidegate breakers events                                                            [--json]
tidegate breakers (open | close) NAME [--until 2030-01-01T00:00:00Z] [--reason "…"] [--json]
tidegate breakers release NAME [--reason "…"]                                       [--json]

The breakers of the running platform, by its operator API: how they stand and what happened last; keep one open or closed, or let
it judge again. Without --until it is kept so until it is released.`

type Board = BreakerBoard & { readonly away: readonly string[] }
type Status = BreakerBoard['items'][number]
const FORCES = { open: 'open', close: 'closed', release: null } as const

export const breakers: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: {
        until: { type: 'string' },
        reason: { type: 'string', default: 'no reason given' },
        json: { type: 'boolean', default: false },
      },
    })
    const [action = 'list', name, ...others] = positionals
    refuseMore(others)
    const print = printerOf(values.json)
    const operator = operatorClient(process.env)
    switch (action) {
      case 'list':
      case 'events': {
        const board = (await operator.get('/v1/breakers')) as Board
        return action === 'list' ? print(board, listText(board)) : print(board.events, eventsText(board))
      }
      case 'open':
      case 'close':
      case 'release': {
        if (name === undefined) throw new Misuse('name a breaker: tidegate breakers lists them')
        const { until, reason } = values
        const word = { force: FORCES[action], reason, ...(until === undefined ? {} : { until }) }
        const now = (await operator.post(`/v1/breakers/${encodeURIComponent(name)}`, word)) as Status
        return print(now, `${now.name} is ${stateOf(now)}`)
      }
      default:
        throw new Misuse(`what is ${JSON.stringify(action)}?`)
    }
  },
}

function stateOf({ state, forced }: Status): string {
  if (forced === null) return state
  return `${state}, kept so by ${forced.by}${forced.until === null ? '' : ` until ${forced.until}`}: ${forced.reason}`
}

function listText({ items, away }: Board): string {
  const rows = items.map((each) => [each.name, stateOf(each), each.since, each.evidence.join(' ')])
  const table = inColumns([['breaker', 'state', 'since', 'opened by'], ...rows])
  return away.length === 0 ? table : `${table}\n(no answer of ${away.join(', ')}: the breakers there are not listed)`
}

function eventsText({ events }: Board): string {
  if (events.length === 0) return 'Nothing has happened.'
  const rows = events.map(({ at, name, event, by, reason, evidence }) => [
    at,
    name,
    event,
    by === null ? evidence.join(' ') : `${by}: ${reason}`,
  ])
  return inColumns([['at', 'breaker', 'event', 'by'], ...rows])
}
