import type { Database } from '../platform/database.ts'
import type { Outbox } from '../platform/outbox.ts'
import type { ServiceRoute } from '../platform/service-route.ts'
import type { House } from './house.ts'

export type Service = {
  readonly routes: readonly ServiceRoute[]
  /** What it tells the others; left out: nothing. */
  readonly outbox?: Pick<Outbox, 'read'>
  start(): void
  close(): Promise<void>
  /** Absent where every process of the service does the same. */
  isServing?(): boolean
}

/** How a service is made. What it needs of another comes as a port, over HTTP, wherever that one runs. */
export type Builder = {
  readonly migrations: readonly URL[]
  create(house: House, database: Database): Promise<Service>
}
