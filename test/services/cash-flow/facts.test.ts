import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { COLUMNS } from '../../../src/services/cash-flow/store/columns.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, type CashFlowUnderTest, fromAlice, key, openCashFlow } from './cash-flow.ts'

const FACTS = [
  'account',
  'transfer',
  'entry',
  'hold_resolution',
  'reversal',
  'operation',
  'operation_state',
  'answer',
  'arrival',
  'credit_line',
  'withdrawal_end',
  'exchange',
  'record_version',
  'journal',
]

onEachStore('the facts of the ledger', (store) => {
  let server: DatabaseServer
  let under: CashFlowUnderTest
  before(async () => {
    server = await store.open()
    under = await openCashFlow(server, { start: false })
    await under.call('POST', '/v1/transfers', alice, { body: fromAlice('1.00'), headers: key('one') })
  })
  after(() => under.close())

  test('are not changed or deleted: the store refuses it', async () => {
    for (const fact of FACTS) {
      const [column] = await under.database.transaction((sql) =>
        sql.query<{ name: string }>(
          `SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum = 1`,
          [fact],
        ),
      )
      for (const statement of [`UPDATE ${fact} SET ${column?.name} = ${column?.name}`, `DELETE FROM ${fact}`]) {
        const attempt = under.database.transaction((sql) => sql.query(statement))
        await assert.rejects(attempt, { code: '42501' }, statement)
      }
    }
  })

  test('are not another service’s to read', async () => {
    const other = await server.open('settlement', [])
    for (const table of ['entry', 'balance', 'answer']) {
      const attempt = other.transaction((sql) => sql.query(`SELECT * FROM cash_flow.${table}`))
      await assert.rejects(attempt, { code: '42501' })
    }
  })

  test('hold the floor even against a bug of ours', async () => {
    const attempt = under.database.transaction((sql) =>
      sql.query(`UPDATE balance SET posted = pending - 1 WHERE account = 'acc_alice'`),
    )
    await assert.rejects(attempt, { code: '23514' })
  })

  test('have one entry for each version of an account', async () => {
    const columns = Object.keys(COLUMNS.entry).filter((name) => name !== 'recorded_at')
    const attempt = under.database.transaction((sql) =>
      sql.query(
        `INSERT INTO entry (${columns.join(', ')}, recorded_at)
         SELECT ${columns.join(', ')}, recorded_at + interval '1 microsecond' FROM entry WHERE account = 'acc_alice'`,
      ),
    )
    await assert.rejects(attempt, { code: '23505' })
  })

  test('are known by bytes, whatever the language of the database', async () => {
    const tables = [
      ...Object.keys(COLUMNS),
      'account',
      'balance',
      'hold_timer',
      'in_transit',
      'accepted_command',
      'crossing',
    ]
    const others = await under.database.transaction((sql) =>
      sql.query(
        `SELECT attrelid::regclass::text AS name, attname FROM pg_attribute JOIN pg_collation ON pg_collation.oid = attcollation
         WHERE attrelid = ANY ($1::text[]::regclass[]) AND collname <> 'C'`,
        [tables],
      ),
    )
    assert.deepEqual(others, [])
  })

  test('stand in the journal with all of their columns', async () => {
    for (const [table, columns] of Object.entries(COLUMNS)) {
      const rows = await under.database.transaction((sql) =>
        sql.query<{ name: string }>(
          'SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped',
          [table],
        ),
      )
      assert.deepEqual(rows.map(({ name }) => name).sort(), Object.keys(columns).sort(), table)
    }
  })
})
