/**
 * Cash flow as a process of its own, on a journal in three PostgreSQL databases. DATABASE and STORES are their URLs. Says
 * `serving` when it has come to lead and has moved money.
 */
import { openStore } from '../../src/platform/journal/open-stores.ts'
import { createLog } from '../../src/platform/log.ts'
import { openPostgres } from '../../src/platform/postgres.ts'
import { openOurs } from '../ledger/ours.ts'
import { wishes } from '../ledger/transfers.ts'

const { DATABASE = '', STORES = '' } = process.env
const log = createLog('silent')
const stores = STORES.split(' ').map((url) => openStore({ kind: 'postgres', url, schema: 'journal' }, log))
const named = stores.map((store) => ({ name: store.name, store }))
const server = openPostgres(
  () => DATABASE,
  () => {},
)
const ours = await openOurs('standby', server, undefined, { stores: named, writes: 2, alone: false })
await ours.transfer(wishes('uniform')())
console.log('serving')
setInterval(() => {}, 60_000) // until it is killed
