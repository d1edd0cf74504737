import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Express } from 'express'
import { ownDataDirectory } from '../platform/data-directory.ts'
import { type DatabaseServer, SERVICE_NAMES, type ServiceName } from '../platform/database.ts'
import { createDoor, listenDoor } from '../platform/door.ts'
import { closeServer, sayCloseWhen } from '../platform/drain.ts'
import type { Publisher } from '../platform/event-log/event-log.ts'
import { createPlace } from '../platform/event-log/place.ts'
import { openPglite } from '../platform/pglite.ts'
import { openPostgres, postgresUrlFrom } from '../platform/postgres.ts'
import type { Builder, Service } from './builder.ts'
import type { House } from './house.ts'

/** Loaded when it is started: a process of one part is not to hold the code of all. */
const BUILDERS: Readonly<Record<ServiceName, () => Promise<Builder>>> = {
  membership: async () => (await import('./services/membership.ts')).membership,
  product: async () => (await import('./services/product.ts')).product,
  'cash-flow': async () => (await import('./services/cash-flow.ts')).cashFlow,
  risk: async () => (await import('./services/risk.ts')).risk,
  settlement: async () => (await import('./services/settlement.ts')).settlement,
}

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
    const { migrations, create } = await BUILDERS[name]()
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
