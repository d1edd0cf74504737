import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Express } from 'express'
import { createBank } from '../adapters/bank.ts'
import { tokenLifeMsMax } from '../edge/token-verifier.ts'
import { asId } from '../kernel/id.ts'
import { money } from '../kernel/money.ts'
import { breakerRoutes } from '../platform/breaker-routes.ts'
import { createBreakers } from '../platform/breakers.ts'
import { ownDataDirectory } from '../platform/data-directory.ts'
import { type Database, type DatabaseServer, SERVICE_NAMES, type ServiceName } from '../platform/database.ts'
import { createDoor, listenDoor } from '../platform/door.ts'
import { closeServer, sayCloseWhen } from '../platform/drain.ts'
import type { Publisher } from '../platform/event-log/event-log.ts'
import { createPlace } from '../platform/event-log/place.ts'
import { feedOf } from '../platform/feed.ts'
import { keyFile } from '../platform/key-file.ts'
import type { Outbox } from '../platform/outbox.ts'
import { openPglite } from '../platform/pglite.ts'
import { openPostgres, postgresUrlFrom } from '../platform/postgres.ts'
import { safeDispatcher } from '../platform/safe-destination.ts'
import { readSecret } from '../platform/secret-file.ts'
import type { ServiceRoute } from '../platform/service-route.ts'
import { readPublicKey } from '../platform/standard-webhooks.ts'
import { followStandings } from '../platform/standings.ts'
import { cashFlowMigrations, createCashFlow, type ProductTerms } from '../services/cash-flow/index.ts'
import { createMembership, membershipMigrations } from '../services/membership/index.ts'
import { createProduct, productMigrations } from '../services/product/index.ts'
import { createRisk, riskMigrations } from '../services/risk/index.ts'
import { createSettlement, settlementMigrations } from '../services/settlement/index.ts'
import { fraudProviders } from './fraud-providers.ts'
import type { House } from './house.ts'
import { openLedgerJournal } from './journal.ts'
import { personSources } from './person-sources.ts'
import { find, heldBy, isMember, membersBy, standingsBy } from './ports.ts'
import { ledgerOf } from './settlement-ledger.ts'

type Service = {
  readonly routes: readonly ServiceRoute[]
  /** What it tells the others; left out: nothing. */
  readonly outbox?: Pick<Outbox, 'read'>
  start(): void
  close(): Promise<void>
  /** Absent where every process of the service does the same. */
  isServing?(): boolean
}

const WEBHOOK_TIMEOUT_MS = 10_000

/** Starts services, each with its own schema and role in the store and its own door. */
export async function startServices(
  house: House,
  server: DatabaseServer,
  names: readonly ServiceName[],
): Promise<void> {
  const { addresses, clock, log, passports, closing, draining, drain, ready } = house
  const services: Service[] = []
  const doors: Server[] = []
  const publishing: (() => Promise<Publisher>)[] = []
  const apps: { readonly name: ServiceName; readonly app: Express }[] = []
  for (const name of names) {
    const { migrations, create } = BUILDERS[name]
    const database = await server.open(name, migrations)
    const service = await create(house, database)
    services.push(service)
    const { outbox } = service
    if (outbox !== undefined) {
      const place = createPlace(database, clock, `${hostname()}-${randomUUID()}`)
      publishing.push(() => house.events.publish({ service: name, read: outbox.read, place }))
    }
    passports(name) // as for a client: looked at now
    const isReady = async (): Promise<boolean> => {
      if (service.isServing?.() === false) return false
      return database.transaction(async (sql) => (await sql.query('SELECT 1')).length === 1)
    }
    ready[name] = isReady
    const { routes } = service
    apps.push({
      name,
      app: createDoor({
        service: name,
        routes,
        passports,
        clock,
        log,
        isReady: async () => !draining.aborted && isReady(),
        tracer: house.tracer(name),
      }),
    })
  }
  // Closed last first: the loops that call others, the doors, and only then (made by `create`) what both reach outside with.
  closing(() => Promise.all(doors.map((door) => closeServer(door, drain.maxMs))))
  closing(() => Promise.all(services.map((service) => service.close())))
  for (const { name, app } of apps) {
    const { host, port } = addresses.service[name]
    const door = await listenDoor(app, host, port)
    sayCloseWhen(draining, door)
    doors.push(door)
  }
  for (const publish of publishing) closing((await publish()).close)
  for (const service of services) service.start() // once every door is open: they follow each other's feeds
}

/** PostgreSQL where a URL names it; else PGlite in the data directory. @throws Error with what an operator has to mend */
export async function openDatabaseServer(house: House, names: readonly ServiceName[]): Promise<DatabaseServer> {
  const { environment, log, closing } = house
  const urlOf = postgresUrlFrom(environment)
  const onError = (err: Error): void => log.error({ err }, 'a connection to PostgreSQL broke')
  const server = urlOf === null ? await openEmbedded(house, names) : openPostgres(urlOf, onError)
  closing(server.close)
  return server
}

/** One process has the directory to itself, and so it has all services. */
async function openEmbedded({ places, closing }: House, names: readonly ServiceName[]): Promise<DatabaseServer> {
  if (names.length < SERVICE_NAMES.length) {
    throw new Error('parts in processes of their own need PostgreSQL: set TIDEGATE_DATABASE_URL')
  }
  const ownership = await ownDataDirectory(places.data)
  closing(ownership.release)
  return openPglite(join(places.data, 'database'))
}

type Builder = { readonly migrations: readonly URL[]; create(house: House, database: Database): Promise<Service> }

/** How each service is made. What it needs of another comes as a port, over HTTP, wherever that one runs. */
const BUILDERS: Readonly<Record<ServiceName, Builder>> = {
  membership: {
    migrations: membershipMigrations,
    async create(house, database) {
      const { config, clock, log, events, client, closing } = house
      const cashFlowEvents = events.feed('membership', 'cash-flow')
      const dispatcher = webhookDispatcher(house)
      const ringOf = (file: string, what: string) =>
        keyFile(join(config.keys.folder, file), {
          what,
          generate: config.keys.generate,
          onFault: (err) => log.error({ err }, `${what} keys: the last good ones stay in force`),
        })
      const service = createMembership({
        database,
        clock,
        log,
        ring: ringOf('member-keys.json', "members'"),
        exportRing: ringOf('export-keys.json', 'signing'),
        sources: personSources((name) => client('membership', name)),
        cashFlowEvents,
        dispatcher,
        allowLoopback: config.allow_loopback,
        tokenLifeMsMax: tokenLifeMsMax(config.identity),
      })
      closing(() => dispatcher.close())
      await service.prepare()
      if (config.seed) {
        await service.seedMember('mem_alice', { name: 'Alice', country: 'CN' })
        await service.seedMember('mem_bob', { name: 'Bob', country: 'CN' })
      }
      return service
    },
  },
  product: {
    migrations: productMigrations,
    async create({ config, clock }, database) {
      const service = createProduct({ database, clock })
      if (config.seed) await service.seedProduct('prd_basic', { name: 'Basic', currency: 'CNY' })
      return service
    },
  },
  'cash-flow': {
    migrations: cashFlowMigrations,
    async create(house, database) {
      const { config, clock, log, client, events } = house
      const [members, products] = [client('cash-flow', 'membership'), client('cash-flow', 'product')]
      const service = createCashFlow({
        database,
        clock,
        log,
        ...config.ledger,
        ...(config.ledger?.time_zone === undefined ? {} : { timeZone: config.ledger.time_zone }),
        journal: openLedgerJournal(house),
        riskEvents: events.feed('cash-flow', 'risk'),
        members: { exists: (member) => isMember(members, member) },
        standings: followStandings(members, log),
        products: { find: (product) => find<ProductTerms>(products, `/v1/products/${product}`) },
      })
      await service.begin(async () => {
        if (!config.seed) return
        for (const name of ['alice', 'bob']) {
          const [id, member] = [asId('account', `acc_${name}`), asId('member', `mem_${name}`)]
          const product = asId('product', 'prd_basic')
          await service.seedAccount({ id, member, product, currency: 'CNY' }, money('CNY', 10_000_000n))
        }
      })
      return service
    },
  },
  risk: {
    migrations: riskMigrations,
    async create(house, database) {
      const { config, clock, log, policies, events, client, closing } = house
      if (policies === null) throw new Error('risk control has policies to decide by')
      const { desk } = config.risk
      const breakers = createBreakers(clock, log)
      const fraud = fraudProviders(config.risk, { log, breakers })
      const dispatcher = webhookDispatcher(house)
      closing(() => Promise.all([fraud.provider.close(), dispatcher.close()]))
      const risk = createRisk({
        database,
        clock,
        log,
        bundle: policies.bundle,
        provider: fraud.provider,
        providerFigures: fraud.figures,
        desk: {
          url: desk.url,
          callbackUrl: desk.callback,
          secrets: [desk.secret_file, ...(desk.next_secret_file ? [desk.next_secret_file] : [])].map(readSecret),
          publicKeys: desk.public_key_files.map((file) => readPublicKey(readSecret(file))),
        },
        cashFlowEvents: events.feed('risk', 'cash-flow'),
        membershipEvents: events.feed('risk', 'membership'),
        productEvents: events.feed('risk', 'product'),
        members: membersBy(client('risk', 'membership'), clock),
        held: heldBy(client('risk', 'cash-flow')),
        dispatcher,
        allowLoopback: config.allow_loopback,
      })
      return { ...risk, routes: [...risk.routes, ...breakerRoutes(breakers, clock)] }
    },
  },
  settlement: {
    migrations: settlementMigrations,
    async create({ config, clock, log, client, events }, database) {
      const { url, timeout_ms: timeoutMs } = config.bank
      const breakers = createBreakers(clock, log)
      const bank = createBank({ url, timeoutMs, breaker: breakers.create('settlement:bank', config.bank.breaker) })
      const cashFlowEvents = events.feed('settlement', 'cash-flow')
      const ledger = ledgerOf(client('settlement', 'cash-flow'))
      const settlement = createSettlement({
        database,
        clock,
        log,
        cashFlowEvents,
        cashFlowNow: feedOf(client('settlement', 'cash-flow'), 0),
        ledger,
        members: standingsBy(client('settlement', 'membership')),
        bank,
        config: config.settlement,
      })
      return { ...settlement, routes: [...settlement.routes, ...breakerRoutes(breakers, clock)] }
    },
  },
}

function webhookDispatcher({ config }: House): ReturnType<typeof safeDispatcher> {
  return safeDispatcher(config.allow_loopback, WEBHOOK_TIMEOUT_MS)
}
