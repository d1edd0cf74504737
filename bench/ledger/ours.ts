import { assert } from '../../src/kernel/assert.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { money } from '../../src/kernel/money.ts'
import { operationIdBeside, transferIdOf } from '../../src/kernel/operation-id.ts'
import type { Database, DatabaseServer } from '../../src/platform/database.ts'
import { createLog } from '../../src/platform/log.ts'
import { createOutbox } from '../../src/platform/outbox.ts'
import { readTogether } from '../../src/platform/read-together.ts'
import type { Standings } from '../../src/platform/standings.ts'
import { calendarIn } from '../../src/services/cash-flow/calendar.ts'
import { createDirectory } from '../../src/services/cash-flow/directory.ts'
import { cashFlowMigrations } from '../../src/services/cash-flow/index.ts'
import { createJournalStore } from '../../src/services/cash-flow/journal/journal-store.ts'
import { createLead, type LeadOptions } from '../../src/services/cash-flow/journal/lead.ts'
import { createOperationWatch } from '../../src/services/cash-flow/operation-watch.ts'
import { createTermsSource } from '../../src/services/cash-flow/product-terms.ts'
import { createService, type References } from '../../src/services/cash-flow/service.ts'
import { createBatchStore } from '../../src/services/cash-flow/store.ts'
import { createWriters } from '../../src/services/cash-flow/writers.ts'
import type { Contender } from './contender.ts'
import { type Account, accounts, SHARDS } from './transfers.ts'

const OPENING = money('CNY', 1_000_000_000_000n)
const CREATED = 201

/** In the platform membership tells who is not, in memory as well. */
const everybody: Standings = {
  statusOf: async () => 'active',
  standingOf: async () => null,
  start() {},
  async close() {},
}

/** The cash-flow service as it is put together for a platform, behind its routes and before its background. */
export async function openOurs(
  name: string,
  server: DatabaseServer,
  who: readonly Account[] = accounts,
  journal: Omit<LeadOptions, 'outbox' | 'log'> | null = null,
): Promise<Contender> {
  const database = await server.open('cash-flow', cashFlowMigrations)
  const clock = systemClock
  const watch = createOperationWatch(createOutbox(database, clock))
  const { transaction } = watch
  const directory = createDirectory(database)
  const reads = readTogether(database)
  const lead = journal === null ? null : createLead({ ...journal, outbox: watch, log: createLog('error') })
  const store = lead === null ? createBatchStore(watch) : createJournalStore(lead, watch)
  const calendar = calendarIn('UTC')
  const writers = createWriters({ wished: SHARDS, writers: 1, transaction, reads, store, clock, directory, calendar })
  const references: References = {
    members: { exists: async () => true },
    standings: everybody,
    products: { find: async () => ({ currency: 'CNY', version: 1, fee: { kind: 'none' } }) },
  }
  const terms = createTermsSource({ directory, products: references.products, standings: everybody, clock })
  const service = createService({ transaction, clock, references, terms, writers, store })
  const { signal } = new AbortController()
  const seeded = Promise.withResolvers<void>()
  const seed = async (): Promise<void> => {
    for (const { id, member } of who) {
      await service.seedAccount({ id, member, product: 'prd_basic', currency: 'CNY' }, OPENING)
    }
    seeded.resolve()
  }
  await (lead === null ? seed() : lead.begin(seed))
  await seeded.promise
  return {
    name,
    async transfer({ key, from, to, amount }) {
      const owner = from.member
      const transfer = transferIdOf(owner, key)
      const { status } = await service.execute(signal, {
        ...{ kind: 'transfer', legs: [], run: 'now', by: { kind: 'member', id: owner }, from: from.id, to: to.id },
        ...{ request: { owner, key, digest: key }, transfer, operation: operationIdBeside(transfer) },
        ...{
          amount: money('CNY', amount),
          terms: 'unknown', // the service asks
          reference: 'bench',
          pending: false,
          hold: null,
          assessment: null,
          receipt: null,
        },
      })
      assert(status === CREATED, `the transfer was answered ${status}`)
    },
    check: (keys) => check(database, keys),
    async close() {
      await service.close()
      await lead?.close()
      await server.close()
    },
  }
}

const UNSOUND = `
  SELECT 'money was made' AS fault FROM balance HAVING sum(posted) <> 0 OR sum(pending) <> 0
  UNION ALL SELECT 'a crossing is under way' FROM crossing
  UNION ALL SELECT 'a balance is not its entries' FROM balance
    LEFT JOIN (SELECT account, sum(CASE direction WHEN 'credit' THEN amount ELSE -amount END) AS sum, max(version) AS version
               FROM entry WHERE phase = 'post' GROUP BY account) AS e USING (account)
    WHERE posted <> coalesce(sum, 0) OR balance.version < coalesce(e.version, 0)`

/** Of the transfers with these keys, those that took their money once, and once only. */
const DONE = `
  SELECT count(DISTINCT transfer.id) AS count, count(*) AS times FROM unnest($1::text[]) AS asked (key) JOIN transfer USING (key)
  JOIN entry ON entry.transfer = transfer.id AND entry.account = debit AND entry.phase = 'post'`

async function check(database: Database, keys: readonly string[]): Promise<void> {
  const [unsound, done] = await database.transaction(async (sql) => {
    await sql.query('SET LOCAL statement_timeout = 0')
    await sql.query('SET LOCAL enable_nestloop = off') // how many keys there are, the planner can not know
    return [await sql.query(UNSOUND), await sql.query<{ count: bigint; times: bigint }>(DONE, [keys])] as const
  })
  assert(unsound.length === 0, JSON.stringify(unsound[0]))
  const [{ count, times } = { count: -1n, times: -1n }] = done
  const asked = BigInt(keys.length)
  assert(count === asked && times === asked, `${asked} were acknowledged, ${count} are there, ${times} times`)
}
