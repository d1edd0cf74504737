import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { derivedId } from '../../../src/kernel/id.ts'
import { transferIdOf } from '../../../src/kernel/operation-id.ts'
import { recordHash } from '../../../src/kernel/record-hash.ts'
import type { Sql } from '../../../src/platform/database.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, cny, fromAlice, held, key, openCashFlow, rebuildOf } from './cash-flow.ts'

onEachStore('the ledger beside its journal', (store) => {
  let under: CashFlowUnderTest
  let entry: { id: string; version: number; transfer: string; record: { shard: number; seq: number; hash: string } }
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false })
    const { call } = under
    const paid = await call('POST', '/v1/transfers', alice, { body: fromAlice('1.00'), headers: key('one') })
    assert.equal(paid.status, 201)
    const reserved = { body: fromAlice('2.00', { pending: true }), headers: key('two') }
    const { body: pending } = await call('POST', '/v1/transfers', alice, reserved)
    await call('POST', `/v1/transfers/${pending.id}/capture`, bob, { body: { amount: cny('1.50') } })
    const kept = { body: fromAlice('3.00'), headers: key('three') }
    await call('POST', '/v1/transfers', held(alice), kept)
    await call('POST', `/v1/transfers/${paid.body.id}/reverse`, bob, { body: {} })
    entry = (await explain('acc_alice')).items.find((item) => item.transfer === paid.body.id) as typeof entry
  })
  after(() => under.close())

  const rebuild = () => rebuildOf(under)

  async function explain(account: string): Promise<{ shard: number; items: Record<string, unknown>[]; next: string }> {
    const { status, body, text } = await under.call('GET', `/v1/ledger/accounts/${account}`, asOperator)
    assert.equal(status, 200, text)
    return body
  }

  /** As the owner of the tables, whom no right holds back. */
  const asOwner = <T>(work: (sql: Sql) => Promise<T>): Promise<T> =>
    under.database.transaction(async (sql) => {
      await sql.query('RESET ROLE')
      return work(sql)
    })

  /** What a rebuild finds while the rows are as the statement leaves them; the undoing makes the ledger whole again. */
  async function foundAfter(statement: string, undo: string): Promise<string[]> {
    const [before] = await asOwner((sql) => sql.query<{ before: string }>(statement))
    const { differences } = await rebuild()
    await asOwner((sql) => sql.query(undo, undo.includes('$1') ? [before?.before ?? ''] : []))
    return differences.map(({ table, key: which, is, columns }) => [table, which, is, ...columns].join(' '))
  }

  test('is as the journal tells it, row by row', async () => {
    const { differences, records, rows, coveredFrom } = await rebuild()
    assert.deepEqual([differences, coveredFrom], [[], []])
    assert.ok(records >= 8 && rows > records, `${records} records, ${rows} rows`)
  })

  test('may be compared while money moves', async () => {
    const moves = Array.from({ length: 8 }, (_, at) =>
      under.call('POST', '/v1/transfers', alice, { body: fromAlice('0.01'), headers: key(`while-${at}`) }),
    )
    const rounds = [await rebuild(), await rebuild()]
    for (const { status } of await Promise.all(moves)) assert.equal(status, 201)
    assert.deepEqual(
      rounds.map(({ differences }) => differences),
      [[], []],
    )
    assert.deepEqual((await rebuild()).differences, [])
  })

  /** Where the entry stands in its table, or a later one of its account. */
  const it = (later = 0) => `account = 'acc_alice' AND version = ${entry.version + later}`

  test('an entry of another amount is named, with the column', async () => {
    const change = (by: string) => `UPDATE entry SET amount = amount ${by} WHERE ${it()}`
    assert.deepEqual(await foundAfter(change('+ 1'), change('- 1')), [
      `entry acc_alice ${entry.version} differs amount`,
    ])
  })

  test('an entry too many is named', async () => {
    const insert = `INSERT INTO entry SELECT account, version + 1000, id, transfer, phase, direction, amount, posted, pending,
      recorded_at, shard FROM entry WHERE ${it()}`
    const found = await foundAfter(insert, `DELETE FROM entry WHERE ${it(1000)}`)
    assert.deepEqual(found, [`entry acc_alice ${entry.version + 1000} too_many`])
  })

  test('a balance that its entries do not come to is named', async () => {
    const change = (by: string) => `UPDATE balance SET posted = posted ${by} WHERE account = 'acc_bob'`
    assert.deepEqual(await foundAfter(change('+ 5'), change('- 5')), ['balance acc_bob differs posted'])
  })

  test('a floor that is not where its credit line is is named', async () => {
    const change = (to: string) => `UPDATE balance SET overdraft = ${to} WHERE account = 'acc_bob'`
    assert.deepEqual(await foundAfter(change('1'), change('0')), ['balance acc_bob differs overdraft'])
  })

  test('an answer that was deleted is named', async () => {
    const found = await foundAfter(
      `WITH gone AS (DELETE FROM answer WHERE key = 'two' RETURNING *) SELECT json_agg(gone)::text AS before FROM gone`,
      'INSERT INTO answer SELECT * FROM json_populate_recordset(NULL::answer, $1::json)',
    )
    assert.deepEqual(found, ['answer mem_alice two missing'])
  })

  test('a key is part of the transfer that answers it', async () => {
    const change = (from: string, to: string) => `UPDATE transfer SET key = '${to}' WHERE key = '${from}'`
    const found = await foundAfter(change('one', 'other'), change('other', 'one'))
    assert.deepEqual(found, [`transfer ${transferIdOf('mem_alice', 'one')} differs key`])
  })

  test('a record as they were before, row by row, is compared as well', async () => {
    const at = '2026-03-02T11:00:00.000Z'
    const [head] = await asOwner((sql) =>
      sql.query<{ epoch: bigint; seq: bigint; hash: string }>('SELECT * FROM shard WHERE shard = 2'),
    )
    assert.ok(head !== undefined)
    const body = `{"arrival":[{"transfer":"trf_old","at":"${at}"}]}`
    const record = { shard: 2, seq: head.seq + 1n, epoch: head.epoch, previous: head.hash, body }
    const hash = recordHash({ ...record, at: Date.parse(at) })
    await asOwner(async (sql) => {
      await sql.query(`INSERT INTO arrival VALUES ('trf_old', '${at}')`)
      await sql.query('INSERT INTO journal VALUES (2, $1, $2, $3, $4, $5, $6)', [
        ...[record.seq, record.epoch, at, head.hash, hash, body],
      ])
      await sql.query('UPDATE shard SET seq = $1, hash = $2, at = $3 WHERE shard = 2', [record.seq, hash, at])
    })
    assert.deepEqual((await rebuild()).differences, [])
    const change = (from: string, to: string) => `UPDATE arrival SET transfer = '${to}' WHERE transfer = '${from}'`
    const found = await foundAfter(change('trf_old', 'trf_new'), change('trf_new', 'trf_old'))
    assert.deepEqual(found.toSorted(), ['arrival trf_new too_many', 'arrival trf_old missing'])
  })

  test('an entry that was kept with an id has it for ever; any other is named by its account and version', async () => {
    const at = '2026-03-02T11:00:00.000Z'
    const [head] = await asOwner((sql) =>
      sql.query<{ epoch: bigint; seq: bigint; hash: string }>('SELECT * FROM shard WHERE shard = 3'),
    )
    assert.ok(head !== undefined)
    const amounts = { amount: '70', posted: '70', pending: '0', shard: '3' }
    const row = { account: 'acc_kept', version: '1', id: 'ent_kept', transfer: 'dep_kept', phase: 'post', ...amounts }
    const body = JSON.stringify({ entry: { rows: 1, ...row, direction: 'credit' } })
    const record = { shard: 3, seq: head.seq + 1n, epoch: head.epoch, previous: head.hash, body }
    const hash = recordHash({ ...record, at: Date.parse(at) })
    await asOwner(async (sql) => {
      await sql.query(`INSERT INTO account VALUES ('acc_kept', 'member', 'mem_kept', 'prd_basic', 'CNY', '${at}', 3)`)
      await sql.query(`INSERT INTO balance VALUES ('acc_kept', 1, 70, 0, 0)`)
      await sql.query(
        `INSERT INTO entry VALUES ('acc_kept', 1, 'ent_kept', 'dep_kept', 'post', 'credit', 70, 70, 0, '${at}', 3)`,
      )
      await sql.query('INSERT INTO journal VALUES (3, $1, $2, $3, $4, $5, $6)', [
        ...[record.seq, record.epoch, at, head.hash, hash, body],
      ])
      await sql.query('UPDATE shard SET seq = $1, hash = $2, at = $3 WHERE shard = 3', [record.seq, hash, at])
    })
    assert.deepEqual((await rebuild()).differences, [])
    const [kept] = (await explain('acc_kept')).items
    assert.deepEqual(
      [kept?.['id'], kept?.['record']],
      ['ent_kept', { shard: 3, seq: Number(record.seq), hash, verifies: true, tells: true }],
    )
    const change = (to: string) => `UPDATE entry SET id = ${to} WHERE account = 'acc_kept'`
    assert.deepEqual(await foundAfter(change('NULL'), change(`'ent_kept'`)), ['entry acc_kept 1 differs id'])
    const listed = await under.call('GET', '/v1/accounts/acc_alice/entries', alice)
    const named = listed.body.items.map(({ version }: { version: number }) => [
      version,
      derivedId('entry', 'acc_alice', `${version}`),
    ])
    assert.deepEqual(
      listed.body.items.map(({ version, id }: { version: number; id: string }) => [version, id]),
      named,
    )
    const stored = await asOwner((sql) =>
      sql.query(`SELECT id FROM entry WHERE account = 'acc_alice' AND id IS NOT NULL`),
    )
    assert.deepEqual(stored, [])
  })

  test('a journal in which something was changed is named, with the rows that nothing tells of then', async () => {
    const { shard, seq } = entry.record
    const where = `WHERE shard = ${shard} AND seq = ${seq}`
    const replace = (a: string, b: string) => `UPDATE journal SET body = replace(body, '${a}', '${b}') ${where}`
    const found = await foundAfter(
      replace('rent for March', 'rent for Marsh'),
      replace('rent for Marsh', 'rent for March'),
    )
    assert.ok(found.includes(`journal ${shard} ${seq} differs hash`), found.join('\n'))
    assert.ok(found.includes(`entry acc_alice ${entry.version} too_many`), found.join('\n'))
  })

  test('a record that was made anew with its hash does not fit the next one', async () => {
    const { shard, seq, hash } = entry.record
    const where = `WHERE shard = ${shard} AND seq = ${seq}`
    const found = await foundAfter(
      `UPDATE journal SET hash = repeat('0', 64) ${where}`,
      `UPDATE journal SET hash = '${hash}' ${where}`,
    )
    assert.ok(found.includes(`journal ${shard} ${seq + 1} differs previous`), found.join('\n'))
  })

  test('a record that is gone is named', async () => {
    const { shard, seq } = entry.record
    const where = `WHERE shard = ${shard} AND seq = ${seq}`
    const found = await foundAfter(
      `WITH gone AS (DELETE FROM journal ${where} RETURNING *) SELECT json_agg(gone)::text AS before FROM gone`,
      'INSERT INTO journal SELECT * FROM json_populate_recordset(NULL::journal, $1::json)',
    )
    assert.ok(found.includes(`journal ${shard} ${seq} missing`), found.join('\n'))
  })

  test('an account that is older than the journal is told of from a version on, which is named', async () => {
    await asOwner(async (sql) => {
      await sql.query(`SELECT open_month('2026-01-01')`)
      await sql.query(
        `INSERT INTO account VALUES ('acc_old', 'member', 'mem_bob', 'prd_basic', 'CNY', '2026-01-05Z', 0)`,
      )
      await sql.query(`INSERT INTO balance VALUES ('acc_old', 1, 70, 0, 0)`)
      await sql.query(
        `INSERT INTO entry VALUES ('acc_old', 1, 'ent_old', 'dep_old', 'post', 'credit', 70, 70, 0, '2026-01-05Z', 0)`,
      )
    })
    const { differences, coveredFrom } = await rebuild()
    assert.deepEqual([differences, coveredFrom], [[], [{ account: 'acc_old', version: 2 }]])
    const { items } = await explain('acc_old')
    assert.deepEqual(
      items.map(({ record }) => record),
      [null],
    )
  })

  test('a balance is explained by its entries, each with its decision and a record that verifies', async () => {
    const { items, shard } = await explain('acc_alice')
    const versions = items.map(({ version }) => Number(version))
    assert.deepEqual(
      versions,
      versions.map((_, at) => (versions[0] ?? 0) - at),
    )
    for (const item of items) {
      const record = item['record'] as { verifies: boolean; tells: boolean; shard: number }
      assert.deepEqual([record.verifies, record.tells, record.shard], [true, true, shard])
    }
    const transfer = items.find(({ operation }) => operation !== null)
    assert.match(String(transfer?.['operation']), /^op_/)
    assert.equal(transfer?.['receipt'], 'rcp_test')
  })

  test('a record is followed to the head of its chain', async () => {
    const { items, shard } = await explain('acc_alice')
    const record = items.at(-1)?.['record'] as { seq: number; hash: string }
    const from = { seq: record.seq, hash: record.hash }
    const { body } = await under.call('GET', `/v1/ledger/shards/${shard}/links?after=${from.seq}`, asOperator)
    assert.deepEqual(body.from, from)
    assert.deepEqual(body.to, body.head)
    assert.deepEqual(body.broken, [])
  })

  test('nobody but an operator asks', async () => {
    for (const path of ['/v1/ledger/rebuild', '/v1/ledger/accounts/acc_alice', '/v1/ledger/shards/0/links?after=1'])
      assert.equal((await under.call('GET', path, alice)).status, 404, path)
    assert.equal((await under.call('GET', '/v1/ledger/accounts/acc_nobody', asOperator)).status, 404)
    assert.equal((await under.call('GET', '/v1/ledger/shards/99/links?after=1', asOperator)).status, 404)
  })
})
