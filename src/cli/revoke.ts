import { fromRfc3339 } from '../kernel/clock.ts'
import { isId } from '../kernel/id.ts'
import { inColumns } from './columns.ts'
import { type Command, Misuse, printerOf, readArguments, refuseMore } from './command.ts'
import { operatorClient } from './operator-client.ts'

const HELP = `tidegate revoke (--jti J | --member mem_…) [--until 2030-01-01T00:00:00Z] [--reason "…"] [--json]
tidegate revoke list                                                                [--json]
tidegate revoke lift REVOCATION                                                     [--json]

Takes back access tokens before they expire, at every edge within a second: the one with this jti, or all that a member was
issued until now. Without --until it lasts as long as a token can live. Lifted, the tokens are good again; both stay on record.`

/** The parts of a revocation that are printed; membership's schema has them all. */
type Revocation = {
  readonly id: string
  readonly jti: string | null
  readonly sub: string | null
  readonly reason: string
  readonly actor: string
  readonly at: string
  readonly until: string
  readonly lifted: { readonly actor: string; readonly at: string } | null
}

export const revoke: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: {
        jti: { type: 'string' },
        member: { type: 'string' },
        until: { type: 'string' },
        reason: { type: 'string', default: 'no reason given' },
        json: { type: 'boolean', default: false },
      },
    })
    const [action, id, ...others] = positionals
    refuseMore(others)
    const print = printerOf(values.json)
    const operator = operatorClient(process.env)
    switch (action) {
      case undefined: {
        const made = (await operator.post('/v1/revocations', requestOf(values))) as Revocation
        return print(made, `${made.id}: ${whatOf(made)}, until ${made.until}`)
      }
      case 'list': {
        const list = (await operator.get('/v1/revocations?limit=100')) as { readonly items: readonly Revocation[] }
        return print(list, listText(list.items))
      }
      case 'lift': {
        if (id === undefined || !isId('revocation', id)) throw new Misuse('name a revocation: rvk_…')
        await operator.delete(`/v1/revocations/${id}`)
        return print({ id, lifted: true }, `${id} is lifted`)
      }
      default:
        throw new Misuse(`what is ${JSON.stringify(action)}?`)
    }
  },
}

type Asked = { readonly jti?: string; readonly member?: string; readonly until?: string; readonly reason: string }

function requestOf({ jti, member, until, reason }: Asked): object {
  if ((jti === undefined) === (member === undefined)) throw new Misuse('say either --jti J or --member mem_…')
  if (member !== undefined && !isId('member', member))
    throw new Misuse(`${JSON.stringify(member)} is not a member: mem_…`)
  if (until !== undefined && fromRfc3339(until) === null) throw new Misuse('--until is a time: 2030-01-01T00:00:00Z')
  return { jti, sub: member, until, reason }
}

function whatOf({ jti, sub, at }: Revocation): string {
  return jti === null ? `tokens of ${sub} issued until ${at}` : `the token ${jti}`
}

function listText(items: readonly Revocation[]): string {
  if (items.length === 0) return 'No token was ever revoked.'
  const rows = items.map((each) => [each.id, whatOf(each), stateOf(each), `${each.actor}: ${each.reason}`])
  return inColumns([['revocation', 'of', 'state', 'by'], ...rows])
}

function stateOf({ until, lifted }: Revocation): string {
  if (lifted !== null) return `lifted at ${lifted.at} by ${lifted.actor}`
  return Date.parse(until) > Date.now() ? `until ${until}` : `lapsed at ${until}`
}
