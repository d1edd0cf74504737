/**
 * Cash flow as a process of its own, to be killed: prints its port once it listens. PASSPORT_SECRET (hex) signs passports;
 * STORE is a PostgreSQL URL or the directory of PGlite.
 */
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../src/kernel/clock.ts'
import { money } from '../../../src/kernel/money.ts'
import { createDoor, listenDoor } from '../../../src/platform/door.ts'
import { openStore } from '../../../src/platform/journal/open-stores.ts'
import { createLog } from '../../../src/platform/log.ts'
import { openPglite } from '../../../src/platform/pglite.ts'
import { openPostgres } from '../../../src/platform/postgres.ts'
import { cashFlowMigrations, createCashFlow } from '../../../src/services/cash-flow/index.ts'
import { saidStandings } from '../../support/standings.ts'

const { STORE = '', PASSPORT_SECRET = '' } = process.env
const secret = Buffer.from(PASSPORT_SECRET, 'hex')
const log = createLog('error')
const clock = systemClock
const server = STORE.startsWith('postgresql:')
  ? openPostgres(
      () => STORE,
      (err) => log.error({ err }),
    )
  : await openPglite(STORE)
/** As it is shipped: the embedded database is made of a journal in a file beside it. */
const files = STORE.startsWith('postgresql:') ? null : openStore({ kind: 'files', folder: `${STORE}.journal` }, log)
const cashFlow = createCashFlow({
  journal: files === null ? null : { stores: [{ name: files.name, store: files }], writes: 1, alone: true },
  database: await server.open('cash-flow', cashFlowMigrations),
  ...{ clock, log },
  members: { exists: async () => true },
  standings: saidStandings(),
  products: { find: async () => ({ currency: 'CNY', version: 1, fee: { kind: 'none' } }) },
  async riskEvents(_after, signal) {
    await sleep(10_000, null, { signal }).catch(() => null)
    return []
  },
})
await cashFlow.begin(async () => {
  for (const name of ['alice', 'bob']) {
    const account = { id: `acc_${name}`, member: `mem_${name}`, product: 'prd_basic', currency: 'CNY' } as const
    await cashFlow.seedAccount(account, money('CNY', 1_000_000n))
  }
})
cashFlow.start()
const passports = () => [{ kid: 'test', secret }]
const door = createDoor({ service: 'cash-flow', routes: cashFlow.routes, passports, clock, log })
const listening = await listenDoor(door, '127.0.0.1', 0)
console.log((listening.address() as AddressInfo).port)
