import type { WireDeadLetter } from '../platform/dead-letter-routes.ts'
import { inColumns } from './columns.ts'
import { type Command, Misuse, printerOf, readArguments, refuseMore } from './command.ts'
import { operatorClient } from './operator-client.ts'

const HELP = `tidegate events dead [--state dead | asked | taken | given_up]   [--json]
tidegate events show SERVICE FEED SEQ                            [--json]
tidegate events (replay | give-up) SERVICE FEED SEQ              [--json]

Events that a service set aside, as their effects failed again and again, and those of the same subject behind them. Show one with its
event, have it taken again with all of its subject behind it, or give it up.`

const SERVICES = ['membership', 'cash-flow', 'risk', 'settlement'] as const
const PAGES_MAX = 100

export const events: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: { state: { type: 'string', default: 'dead' }, json: { type: 'boolean', default: false } },
    })
    const [action = 'dead', service, feed, seq, ...others] = positionals
    refuseMore(others)
    const print = printerOf(values.json)
    const operator = operatorClient(process.env)
    if (action === 'dead') {
      refuseMore(positionals.slice(1))
      const all = await Promise.all(SERVICES.map((each) => lettersOf(operator, each, values.state)))
      const letters = all.flat()
      return print(letters, listText(letters))
    }
    if (!['show', 'replay', 'give-up'].includes(action)) throw new Misuse(`what is ${JSON.stringify(action)}?`)
    if (service === undefined || feed === undefined || seq === undefined)
      throw new Misuse('name the service, the feed and the number: tidegate events dead lists them')
    const path = ['/v1/dead-letters', service, feed, seq]
      .map((part, at) => (at === 0 ? part : encodeURIComponent(part)))
      .join('/')
    const letter = (
      action === 'show' ? await operator.get(path) : await operator.post(`${path}/${action}`, {})
    ) as WireDeadLetter
    return print(letter, action === 'show' ? JSON.stringify(letter, null, 2) : `${feed}/${seq} is ${letter.state}`)
  },
}

async function lettersOf(
  operator: ReturnType<typeof operatorClient>,
  service: string,
  state: string,
): Promise<readonly (WireDeadLetter & { readonly service: string })[]> {
  const letters: (WireDeadLetter & { service: string })[] = []
  let cursor: string | null = ''
  for (let page = 0; page < PAGES_MAX && cursor !== null; page++) {
    const query: string = `state=${encodeURIComponent(state)}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
    const answer = (await operator.get(`/v1/dead-letters/${service}?${query}`)) as {
      items: WireDeadLetter[]
      next: string | null
    }
    letters.push(...answer.items.map((letter) => ({ service, ...letter })))
    cursor = answer.next
  }
  return letters
}

function listText(letters: Awaited<ReturnType<typeof lettersOf>>): string {
  if (letters.length === 0) return 'No event was set aside.'
  const rows = letters.map(({ service, feed, seq, event, tries, at, error }) => {
    return [service, feed, seq, event.type, event.subject, String(tries), at, error]
  })
  return inColumns([['service', 'feed', 'seq', 'type', 'subject', 'tries', 'since', 'error'], ...rows])
}
