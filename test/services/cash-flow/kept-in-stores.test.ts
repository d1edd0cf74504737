import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../../src/kernel/clock.ts'
import { money } from '../../../src/kernel/money.ts'
import type { Database, DatabaseServer, Row } from '../../../src/platform/database.ts'
import { createJournal, type Lead } from '../../../src/platform/journal/journal.ts'
import { systemTimers } from '../../../src/platform/journal/timers.ts'
import { createLog } from '../../../src/platform/log.ts'
import { cashFlowMigrations, createCashFlow } from '../../../src/services/cash-flow/index.ts'
import { asOperator } from '../../support/caller.ts'
import { saidStandings } from '../../support/standings.ts'
import { onEachStore } from '../../support/stores.ts'
import {
  alice,
  type CashFlowUnderTest,
  cny,
  fromAlice,
  held,
  key,
  openCashFlow,
  rebuildOf,
  untilState,
} from './cash-flow.ts'
import { assertSound } from './invariants.ts'
import { type JournalUnderTest, openJournal } from './kept-in-stores.ts'

/** All that cash flow has in its tables, but for what it follows of others and who leads. */
async function contentsOf(database: Database): Promise<ReadonlyMap<string, readonly string[]>> {
  return database.transaction(async (sql) => {
    const tables = await sql.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'cash_flow'::regnamespace AND relkind IN ('r', 'p')
       AND NOT relispartition AND relname NOT IN ('pulse', 'feed_offset', 'decision') AND has_table_privilege(oid, 'SELECT')
       ORDER BY 1`,
    )
    const contents = new Map<string, readonly string[]>()
    for (const { name } of tables) {
      // The first clearing accounts are made with the table, at a time of its own.
      const row = name === 'account' ? "CASE kind WHEN 'clearing' THEN told.id ELSE told::text END" : 'told::text'
      const rows = await sql.query<{ row: string }>(`SELECT ${row} AS row FROM ${name} AS told ORDER BY 1`)
      contents.set(
        name,
        rows.map(({ row }) => row),
      )
    }
    return contents
  })
}

/** Something of each kind that cash flow keeps. */
async function live({ call, tell, ...under }: CashFlowUnderTest): Promise<void> {
  const ok = async (...[method, path, claims, more]: Parameters<typeof call>) => {
    const answer = await call(method, path, claims, more)
    assert.ok(answer.status < 300, `${path}: ${answer.text}`)
    return answer.body
  }
  const dollars = await ok('POST', '/v1/accounts', alice, {
    body: { member: 'mem_alice', product: 'prd_dollar', currency: 'USD' },
  })
  const rate = { from: 'CNY', to: 'USD', rate: '0.14', expiresAt: '2026-03-09T10:00:00Z' }
  await ok('POST', '/v1/exchange-rates', asOperator, { body: rate })
  await ok('POST', '/v1/exchanges', alice, {
    headers: key('exchanged'),
    body: {
      ...{ from: 'acc_alice', to: dollars.id, amount: cny('10.01'), reference: 'travel' },
      rate: { pair: 'CNY-USD', version: 1 },
    },
  })
  await ok('POST', '/v1/transfers', alice, { body: fromAlice('128.50'), headers: key('moved') })
  const pending = { body: fromAlice('20.00', { pending: true }), headers: key('captured') }
  const hold = await ok('POST', '/v1/transfers', alice, pending)
  await ok('POST', `/v1/transfers/${hold.id}/capture`, alice, { body: { amount: cny('15.00') } })
  const review = await ok('POST', '/v1/transfers', held(alice), { body: fromAlice('30.00'), headers: key('reviewed') })
  const { transfer } = (await call('GET', `/v1/operations/${review.operation}`, alice)).body
  tell('review.approved', transfer)
  await untilState({ call }, review.operation, 'succeeded')
  const later = { body: fromAlice('1.00'), headers: { ...key('later'), prefer: 'respond-async' } }
  await untilState({ call }, (await ok('POST', '/v1/transfers', alice, later)).operation, 'succeeded')
  const line = { creditLine: cny('50.00'), reason: 'asked for' }
  await ok('POST', '/v1/accounts/acc_alice/credit-lines', asOperator, { body: line })
  const out = { account: 'acc_alice', amount: cny('2.00'), reference: 'cash' }
  await ok('POST', '/v1/withdrawals', asOperator, { body: out, headers: key('withdrawn') })
  await assertSound(under.database)
}

onEachStore('cash flow on a journal in several stores', (store) => {
  let journal: JournalUnderTest
  let under: CashFlowUnderTest
  before(async () => {
    journal = await openJournal(3, 2)
    under = await openCashFlow(await store.open(), journal)
  })
  after(async () => {
    await under.close()
    await journal.remove()
  })

  test('an empty database is made anew from the journal, row for row', async () => {
    await live(under)
    const moved = { body: fromAlice('128.50'), headers: key('moved') }
    const first = await under.call('POST', '/v1/transfers', alice, moved)
    const told = await contentsOf(under.database)
    await under.close()
    under = await openCashFlow(await store.open(), journal)
    const anew = await contentsOf(under.database)
    for (const [table, rows] of told) assert.deepEqual(anew.get(table), rows, table)
    assert.ok((told.get('transfer') ?? []).length > 10 && (told.get('outbox') ?? []).length > 3)
    assert.deepEqual((await rebuildOf(under)).differences, [])
    const again = await under.call('POST', '/v1/transfers', alice, moved)
    assert.deepEqual([again.status, again.body, again.headers['idempotency-replayed']], [201, first.body, 'true'])
  })

  test('what the database refuses is not in the journal', async () => {
    const end = async () => (await under.call('GET', '/v1/ledger/journal', asOperator)).body.end as number
    const before = await end()
    const rate = { from: 'USD', to: 'CNY', rate: '7', expiresAt: '2026-03-09T10:00:00Z' }
    const set = () =>
      under.call('POST', '/v1/exchange-rates', asOperator, { body: rate, headers: { 'if-match': '"7"' } })
    assert.equal((await set()).status, 412)
    const refused = await under.call('POST', '/v1/transfers', alice, {
      body: fromAlice('9999.00'),
      headers: key('poor'),
    })
    assert.equal(refused.body.code, 'insufficient_funds')
    const { stores } = (await under.call('GET', '/v1/ledger/journal', asOperator)).body
    assert.deepEqual([stores.length, stores.every(({ votes }: { votes: boolean }) => votes)], [3, true])
    assert.ok((await end()) <= before + 3, 'a record that says that it leads still, and the answer to the key')
  })

  test('a database that was made of another journal is refused, and so is one without its journal', async () => {
    const other = await openJournal()
    const deps = { ...nobody, database: under.database, clock: under.clock, log: createLog('silent') }
    const astray = createCashFlow({ ...deps, journal: other.journal })
    await assert.rejects(
      astray.begin(async () => {}),
      /another journal/,
    )
    const bare = createCashFlow(deps)
    await assert.rejects(bare.seedAccount(dave, money('CNY', 1n)), /`journal` has to name/)
    await Promise.all([astray.close(), bare.close()])
    await other.remove()
  })
})

const dave = { id: 'acc_dave', member: 'mem_dave', product: 'prd_basic', currency: 'CNY' } as const

const nobody = {
  members: { exists: async () => true },
  standings: saidStandings(),
  products: { find: async () => null },
  riskEvents: async () => [],
}

onEachStore('a database that is behind the journal', (store) => {
  let journal: JournalUnderTest
  let server: DatabaseServer
  let dying: { fails: 'not' | 'next' | 'always' }
  let under: CashFlowUnderTest
  before(async () => {
    journal = await openJournal()
    server = await store.open()
    dying = { fails: 'not' }
    under = await openCashFlow({ ...server, open: async (...of) => failing(await server.open(...of), dying) }, journal)
  })
  after(async () => {
    await under.close()
    await journal.remove()
  })

  test('is brought up before anything else is decided, and the key has the first answer', async () => {
    const move = { body: fromAlice('5.00'), headers: key('torn') }
    dying.fails = 'next'
    const answer = await under.call('POST', '/v1/transfers', alice, move)
    assert.equal(answer.body.code, 'outcome_unknown', answer.text)
    const again = await under.call('POST', '/v1/transfers', alice, move)
    assert.deepEqual([again.status, again.headers['idempotency-replayed']], [201, 'true'])
    const { balance } = (await under.call('GET', '/v1/accounts/acc_alice', alice)).body
    assert.equal(balance.posted.value, '995.00')
    assert.deepEqual((await rebuildOf(under)).differences, [])
  })

  test('decides nothing while it can not be brought up, and nothing is lost', async () => {
    const move = (name: string) =>
      under.call('POST', '/v1/transfers', alice, { body: fromAlice('1.00'), headers: key(name) })
    dying.fails = 'always'
    assert.equal((await move('a')).body.code, 'outcome_unknown')
    assert.equal((await move('b')).status, 500, 'the database fails')
    dying.fails = 'not'
    assert.deepEqual([(await move('a')).headers['idempotency-replayed'], (await move('b')).status], ['true', 201])
  })
})

/** Fails where a record is carried out, after the journal has it, and before the commit. */
function failing(database: Database, dying: { fails: 'not' | 'next' | 'always' }): Database {
  return {
    ...database,
    atOnce(statements, conclude): Promise<readonly (readonly Row[])[]> {
      if (conclude === undefined || dying.fails === 'not') return database.atOnce(statements, conclude)
      if (dying.fails === 'next') dying.fails = 'not'
      return database.atOnce(statements, async () => {
        await conclude()
        throw new Error('the database has failed')
      })
    },
  }
}

onEachStore('two processes on one journal', (store) => {
  test('one moves money; the other serves once the first has gone', async () => {
    const journal = await openJournal(3, 2, false)
    const server = await store.open()
    const { database, clock, cashFlow } = await openCashFlow(server, journal)
    const standby = createCashFlow({ ...nobody, database, clock, log: createLog('silent'), journal: journal.journal })
    const led = Promise.withResolvers<void>()
    await standby.begin(async () => led.resolve())
    assert.deepEqual([cashFlow.isServing(), standby.isServing()], [true, false])
    await assert.rejects(standby.seedAccount(dave, money('CNY', 1n)), { code: 'dependency_unavailable' })
    await cashFlow.close()
    await led.promise
    await standby.seedAccount(dave, money('CNY', 1n))
    await assert.rejects(cashFlow.seedAccount({ ...dave, id: 'acc_eve' }, money('CNY', 1n)))
    await assertSound(database)
    await standby.close()
    await server.close()
    await journal.remove()
  })

  test('one that loses the lead while it begins stands by, and serves once nobody leads', async (t) => {
    const { stores, journal, remove } = await openJournal(3, 2, false)
    const server = await store.open()
    const database = await server.open('cash-flow', cashFlowMigrations)
    const deps = { ...nobody, database, clock: systemClock, log: createLog('silent') }
    const cashFlow = createCashFlow({ ...deps, journal: { ...journal, lookMs: 20 } })
    const rival = createJournal({ stores, writes: 2, timers: systemTimers })
    const led = Promise.withResolvers<void>()
    let reigns: Lead[] = []
    const resign = () => {
      for (const reign of reigns) if (reign.kind === 'leading') reign.leadership.resign('the test has seen it')
    }
    t.after(async () => {
      resign()
      await cashFlow.close()
      await server.close()
      await remove()
    })
    await cashFlow.begin(async () => {
      if (reigns.length === 0) reigns = [await rival.lead(), await rival.lead()] // the first refusal tells it the epoch
      await cashFlow.seedAccount(dave, money('CNY', 1n))
      led.resolve()
    })
    assert.equal(cashFlow.isServing(), false)
    assert.equal(reigns.at(-1)?.kind, 'leading')
    resign()
    await led.promise
    await assertSound(database)
  })
})
