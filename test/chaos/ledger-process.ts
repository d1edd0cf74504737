/**
 * Cash flow as a process of its own, which can be told to end at a named point, or to end its PostgreSQL server there.
 * STORE is a PostgreSQL URL or the directory of PGlite, PASSPORT_SECRET (hex) signs passports, DECISIONS is where risk
 * control's feed is read, WRITERS how many share the shards, ARM what it is told from the start, BROKEN a fault to be found.
 * What it is told later, and what came of it, are messages.
 */
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../src/kernel/clock.ts'
import { money, toWire } from '../../src/kernel/money.ts'
import { createDoor, listenDoor } from '../../src/platform/door.ts'
import { feedOf } from '../../src/platform/feed.ts'
import { openStore } from '../../src/platform/journal/open-stores.ts'
import { createLog } from '../../src/platform/log.ts'
import { openPglite } from '../../src/platform/pglite.ts'
import { openPostgres } from '../../src/platform/postgres.ts'
import { createServiceClient } from '../../src/platform/service-client.ts'
import { cashFlowMigrations, createCashFlow } from '../../src/services/cash-flow/index.ts'
import type { Points } from '../../src/services/cash-flow/points.ts'
import { saidStandings } from '../support/standings.ts'
import { FEE_MINOR } from './asked.ts'
import { broken, type Fault } from './broken.ts'
import { judge, workLeft } from './judge.ts'
import { killPostgres } from './kill-postgres.ts'
import { namesOf } from './points.ts'

/** End there, the `nth` time it comes to it: itself, or the server whose directory this is. */
export type Arm = {
  readonly kind: 'arm'
  readonly point: string
  readonly nth: number
  readonly postgres: string | null
}
export type Order = Arm | { readonly kind: 'count work' } | { readonly kind: 'judge' }
export type Report =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'armed' }
  | { readonly kind: 'killed the server' }
  | { readonly kind: 'work left'; readonly count: number }
  | { readonly kind: 'judged'; readonly findings: readonly string[] }

const {
  ARM = 'null',
  STORE = '',
  PASSPORT_SECRET = '',
  DECISIONS = '',
  BROKEN = 'none',
  WRITERS = '1',
  TIDEGATE_LOG = 'silent',
} = process.env
const fee = { kind: 'flat', amount: toWire(money('CNY', FEE_MINOR)) } as const
const passports = () => [{ kid: 'chaos', secret: Buffer.from(PASSPORT_SECRET, 'hex') }]
const log = createLog(TIDEGATE_LOG)
const clock = systemClock
let armed = JSON.parse(ARM) as Arm | null
let times = 0

const points: Points = (point, batch) => {
  strike(namesOf(point, batch))
  // By the next turn it is on its way to the store.
  if (point === 'batch decided') setImmediate(() => strike(namesOf('batch sent', batch)))
}

function strike(names: readonly string[]): void {
  if (armed === null || !names.includes(armed.point)) return
  times += 1
  if (times < armed.nth) return
  const { postgres } = armed
  armed = null
  if (postgres === null) process.kill(process.pid, 'SIGKILL')
  else killPostgres(postgres)
  report({ kind: 'killed the server' })
}

function report(what: Report): void {
  process.send?.(what)
}

const server = STORE.startsWith('postgresql:')
  ? openPostgres(
      () => STORE,
      () => {},
    )
  : await openPglite(STORE)
const sound = await server.open('cash-flow', cashFlowMigrations)
const { database, mend } = broken(BROKEN as Fault, sound)
const risk = createServiceClient({ self: 'cash-flow', service: 'risk', origins: [DECISIONS], passports, clock })
/** As it is shipped: the embedded database is made of a journal in a file beside it. */
const files = STORE.startsWith('postgresql:')
  ? null
  : openStore({ kind: 'files', folder: join(STORE, '../journal') }, log)
const cashFlow = createCashFlow({
  ...{ database, clock, log, points, writers: Number(WRITERS) },
  journal: files === null ? null : { stores: [{ name: files.name, store: files }], writes: 1, alone: true },
  members: { exists: async () => true },
  standings: saidStandings(),
  products: { find: async () => ({ currency: 'CNY', otherCurrencies: ['USD'], version: 1, fee }) },
  riskEvents: feedOf(risk),
})
const routes = cashFlow.routes.map(mend).map((route) =>
  route.path === '/internal/feed'
    ? {
        ...route,
        async run(call: Parameters<typeof route.run>[0]) {
          const answer = await route.run(call)
          strike(namesOf('events read'))
          return answer
        },
      }
    : route,
)

process.on('message', async (order: Order) => {
  if (order.kind === 'arm') {
    armed = order
    times = 0
    report({ kind: 'armed' })
  } else if (order.kind === 'judge') report({ kind: 'judged', findings: await judge(sound) })
  else report({ kind: 'work left', count: await workLeft(sound).catch(() => -1) })
})
process.on('disconnect', () => process.exit()) // whoever started it is gone

const door = createDoor({ service: 'cash-flow', routes, passports, clock, log })
const listening = await listenDoor(door, '127.0.0.1', 0)
await cashFlow.begin(async () => {})
report({ kind: 'ready', port: (listening.address() as AddressInfo).port })
cashFlow.start() // what runs by itself may come to a point at once; by now it is known that we listen
