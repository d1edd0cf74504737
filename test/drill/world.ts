import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { skipWithoutRedis, startTestRedis, type TestRedis } from '../support/redis.ts'
import { type Relay, startRelay } from '../support/relay.ts'
import { isDatabase, KEYS_STALE_S, protocolOf, RELAY_NAMES, type RelayName } from './dependencies.ts'
import { answered, tomorrow } from './told.ts'

/** A platform whose every dependency is reached by way of a relay. */
export type World = {
  readonly platform: TestPlatform
  readonly calls: EdgeCalls
  readonly relays: Readonly<Record<RelayName, Relay>>
  readonly losesDatabases: boolean
  /** Accounts that only deposits or withdrawals touch, and one that is paid to see whether money moves. */
  readonly depositAccount: string
  readonly withdrawalAccount: string
  /** Alice's, and the rate by which she gets what is on it. */
  readonly dollarAccount: string
  readonly rateVersion: number
  readonly probeAccount: string
  /** A text that no other call of this run has. */
  unique(): string
  close(): Promise<void>
}

/** How long anyone waits for an upstream; what is `slow` takes longer. */
const DEADLINE_MS = 1_500
const SLOW_MS = 2_200
const PROVIDER_DEADLINE_MS = 500
const UP_MS_MAX = 60_000
/** Alice pays for the whole drill. */
const FORTUNE = '90000000.00'

/**
 * Needs the PostgreSQL server that `TIDEGATE_TEST_POSTGRES_URL` names. `losesDatabases`: that is reached by relays, too, which is
 * most of what a drill costs.
 */
export async function openWorld(createDatabase: () => Promise<string>, losesDatabases: boolean): Promise<World> {
  const closings: (() => Promise<unknown>)[] = []
  const close = async (): Promise<void> => {
    for (const closing of closings.splice(0).reverse()) await closing()
  }
  try {
    return await furnish(await createDatabase(), losesDatabases, closings, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function furnish(
  database: string,
  losesDatabases: boolean,
  closings: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<World> {
  const started = await Promise.all(
    RELAY_NAMES.map(async (name) => {
      const relay = await startRelay({ protocol: protocolOf(name), slowMs: SLOW_MS })
      closings.push(relay.close)
      return [name, relay] as const
    }),
  )
  const relays = Object.fromEntries(started) as Record<RelayName, Relay>
  const redis = skipWithoutRedis === false ? await startTestRedis() : null
  if (redis !== null) closings.push(redis.stop)
  const databases = losesDatabases ? databasesBy(relays, database) : { TIDEGATE_DATABASE_URL: database }
  const platform = await startTestPlatform({
    database: 'pglite',
    config: (text) => configured(text, relays.jwks),
    policies: { 'quota.yaml': (text) => text.replace("'1000000.00'", `'${FORTUNE}'`) },
    environment: { ...urlsBy(relays), ...databases, ...redisBy(relays.redis, redis) },
    placed: (urls) => {
      for (const [name, relay] of started) {
        if (name === 'jwks') relay.leadTo(urls['identity-provider'])
        else if (!isDatabase(name) && name !== 'redis') relay.leadTo(urls[name])
      }
    },
  })
  closings.push(platform.close)
  const calls = edgeCalls(platform)
  await enrich(calls, 'acc_alice')
  // A first batch has something to pay.
  await answered('money moves', () => calls.transfer('1.00', { key: 'first' }), [201])
  let made = 0
  return {
    platform,
    calls,
    relays,
    losesDatabases,
    depositAccount: await openAccount(calls),
    dollarAccount: await openDollarAccount(calls),
    rateVersion: await setRate(calls),
    withdrawalAccount: await enrich(calls, await openAccount(calls)),
    probeAccount: await openAccount(calls),
    unique: () => `drill-${++made}`,
    close,
  }
}

type Relays = World['relays']

function urlsBy(relays: Relays): Record<string, string> {
  const reached = RELAY_NAMES.filter((name) => name !== 'jwks' && name !== 'redis' && !isDatabase(name))
  const variableOf = (name: RelayName): string => `TIDEGATE_URL_${name.toUpperCase().replaceAll('-', '_')}`
  return Object.fromEntries(reached.map((name) => [variableOf(name), relays[name].url]))
}

/** One database, reached in three ways. */
function databasesBy(relays: Relays, databaseUrl: string): Record<string, string> {
  const by = (name: RelayName): string => {
    const url = new URL(databaseUrl)
    relays[name].leadTo(`http://${url.host}`)
    url.host = new URL(relays[name].url).host
    return url.href
  }
  return {
    TIDEGATE_DATABASE_URL: by('other databases'),
    TIDEGATE_DATABASE_URL_CASH_FLOW: by('database of cash flow'),
    TIDEGATE_DATABASE_URL_RISK: by('database of risk control'),
  }
}

/** Where there is a Redis, the edge counts in it. */
function redisBy(relay: Relay, redis: TestRedis | null): Record<string, string> {
  if (redis === null) return {}
  relay.leadTo(redis.url.replace('redis:', 'http:'))
  return { TIDEGATE_REDIS_URL: relay.url.replace('http:', 'redis:') }
}

/** Each failure meets a platform that remembers none before it; what breakers do is tested in test/edge. */
const NEVER_OPENS = 'breaker: { volume_min: 10000 }'

function configured(config: string, jwks: Relay): string {
  return config
    .replace(/jwks: "[^/]+/, `jwks: "${jwks.url}`)
    .replace('identity:\n', `identity:\n  keys: { refresh_s: 1, cooldown_s: 1, stale_s_max: ${KEYS_STALE_S} }\n`)
    .replaceAll(/(passport: true, timeout_ms: )\d+/g, `$1${DEADLINE_MS}, ${NEVER_OPENS}`)
    .replace(/assess_timeout_ms: \d+/, `assess_timeout_ms: ${DEADLINE_MS}\n  ${NEVER_OPENS}`)
    .replace(/deadline_ms: \d+/, `deadline_ms: ${PROVIDER_DEADLINE_MS}\n    ${NEVER_OPENS}`)
    .replace(/(bank: .*timeout_ms: )\d+/, `$1${PROVIDER_DEADLINE_MS}, ${NEVER_OPENS}`)
}

async function openAccount({ call }: EdgeCalls): Promise<string> {
  const body = { member: 'mem_bob', product: 'prd_basic', currency: 'CNY' }
  const opened = await answered('an account is opened', () => call('mem_bob', 'POST', '/v1/accounts', { body }), [201])
  return opened.body.id as string
}

async function openDollarAccount({ call }: EdgeCalls): Promise<string> {
  const dollars = { name: 'Dollars', currency: 'USD' }
  const make = () => call('operator', 'POST', '/v1/products', { body: dollars })
  const product = await answered('a product is made', make, [201])
  const body = { member: 'mem_alice', product: product.body.id, currency: 'USD' }
  const opened = await answered('an account is opened', () => call('operator', 'POST', '/v1/accounts', { body }), [201])
  return opened.body.id as string
}

async function setRate({ call }: EdgeCalls): Promise<number> {
  const body = { from: 'CNY', to: 'USD', rate: '0.14', expiresAt: tomorrow() }
  const set = await answered('a rate is set', () => call('operator', 'POST', '/v1/exchange-rates', { body }), [201])
  return set.body.version as number
}

async function enrich({ call }: EdgeCalls, account: string): Promise<string> {
  const body = { account, amount: { currency: 'CNY', value: FORTUNE }, reference: 'for the drill' }
  await eventually(
    `all is up, and ${account} is rich`,
    async () => {
      const answer = await call('operator', 'POST', '/v1/deposits', { body, key: `fortune-${account}` })
      return answer.status === 201
    },
    UP_MS_MAX,
  )
  return account
}
