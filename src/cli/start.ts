import { once } from 'node:events'
import { type Platform, startPlatform } from '../main.ts'
import { PART_NAMES, type PartName, urlOf } from '../platform/addresses.ts'
import { issueToken } from '../sandbox/identity-provider.ts'
import { type Command, Misuse, readArguments } from './command.ts'
import { placesFrom } from './places.ts'

const HELP = `tidegate start [part…]

Starts the platform in this process, or only the named parts: ${PART_NAMES.join(', ')}.
Parts in processes of their own need PostgreSQL (TIDEGATE_DATABASE_URL).

Everything listens on loopback; TIDEGATE_HOST opens edge and services, TIDEGATE_OPERATOR_HOST the operator's listener.

Environment: TIDEGATE_PORT, TIDEGATE_HOST, TIDEGATE_OPERATOR_HOST, TIDEGATE_OPERATOR_PORT, TIDEGATE_DATA, TIDEGATE_CONFIG, TIDEGATE_POLICIES,
TIDEGATE_DATABASE_URL, TIDEGATE_REDIS_URL, TIDEGATE_KAFKA_BROKERS, TIDEGATE_KAFKA_REST_BROKERS, TIDEGATE_LOG (fatal, error, warn, info, debug).`

/** For what still has to end when the requests have: loops, stores, files. */
const CLOSE_MS_MAX = 10_000
const SIGNALS = ['SIGTERM', 'SIGINT'] as const

export const start: Command = {
  help: HELP,
  async run(args) {
    const { positionals } = readArguments({ args: [...args], allowPositionals: true, options: {} })
    const parts = positionals.map(asPart)
    // From the beginning: as the first process of a container, Node would ignore a signal that nobody waits for.
    const told = Promise.race(SIGNALS.map((signal) => once(process, signal)))
    const startedAt = performance.now()
    const platform = await startPlatform(placesFrom(process.env), process.env, parts.length === 0 ? PART_NAMES : parts)
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    console.log(await banner(platform, seconds))
    await told
    console.log('Tidegate is closing: requests in flight are answered first. Told again, it ends at once.')
    const end = (): never => process.exit(1)
    for (const signal of SIGNALS) process.once(signal, end)
    await platform.drain()
    setTimeout(end, platform.drainMsMax + CLOSE_MS_MAX).unref()
    await platform.close()
    return 0
  },
}

function asPart(name: string): PartName {
  const part = PART_NAMES.find((candidate) => candidate === name)
  if (part === undefined)
    throw new Misuse(`there is no part ${JSON.stringify(name)}; parts are ${PART_NAMES.join(', ')}`)
  return part
}

async function banner(platform: Platform, seconds: string): Promise<string> {
  const { addresses, parts } = platform
  const rows: [string, string][] = []
  if (parts.includes('edge')) {
    rows.push(['edge', edgeUrl(platform)], ['operator', `${urlOf(addresses.operator)}/readyz`])
  }
  for (const [name, listener] of Object.entries(addresses.service)) {
    if (parts.includes(name as PartName)) rows.push([name, urlOf(listener)])
  }
  if (parts.includes('sandbox')) {
    for (const [name, listener] of Object.entries(addresses.sandbox)) rows.push([name, urlOf(listener)])
  }
  rows.push(...Object.entries(platform.notes))
  const places = rows.map(([name, url]) => `  ${name.padEnd(18)} ${url}`).join('\n')
  const lines = [`Tidegate is ready in ${seconds} s.`, '', places]
  if (platform.feeds.length > 0) lines.push('', feedsText(platform))
  if (parts.includes('edge') && parts.includes('sandbox')) lines.push('', await firstSteps(platform))
  return lines.join('\n')
}

/** Which feeds what. */
function feedsText({ feeds }: Platform): string {
  return Object.entries(Object.groupBy(feeds, ({ from }) => from))
    .map(([from, used = []]) => `  ${from} feeds ${used.map(({ to }) => to).join(', ')}: ${used[0]?.by}`)
    .join('\n')
}

function edgeUrl({ addresses, config }: Platform): string {
  return urlOf(addresses.edge, config.edge.tls === undefined ? 'http' : 'https')
}

async function firstSteps(platform: Platform): Promise<string> {
  const { addresses, config } = platform
  const trusting = config.edge.tls === undefined ? '' : ` --cacert ${config.edge.tls.certificate}`
  const { access_token } = await issueToken(urlOf(addresses.sandbox['identity-provider']), { member: 'mem_alice' })
  const body = JSON.stringify({
    from: 'acc_alice',
    to: 'acc_bob',
    amount: { currency: 'CNY', value: '128.50' },
    reference: 'lunch',
  })
  return `A token of mem_alice, for ten minutes (then: npx tidegate token --member mem_alice):

${access_token}

Try it:

curl -i${trusting} ${edgeUrl(platform)}/v1/transfers -H 'content-type: application/json' -H 'idempotency-key: first-${Date.now()}' -H 'authorization: Bearer ${access_token}' -d '${body}'
`
}
