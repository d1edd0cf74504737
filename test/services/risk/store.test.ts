import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Database, DatabaseServer } from '../../../src/platform/database.ts'
import { riskMigrations } from '../../../src/services/risk/index.ts'
import { onEachStore } from '../../support/stores.ts'

onEachStore('the store of risk control', (store) => {
  let server: DatabaseServer
  let database: Database
  let neighbour: Database
  before(async () => {
    server = await store.open()
    database = await server.open('risk', riskMigrations)
    neighbour = await server.open('settlement', [])
  })
  after(() => server.close())

  for (const table of ['assessment', 'review_vote', 'decision', 'decision_answer', 'outbox']) {
    test(`what stands in ${table} is neither changed nor taken away`, async () => {
      const run = (text: string) => database.transaction((sql) => sql.query(text))
      assert.deepEqual(await run(`SELECT * FROM ${table}`), [])
      await assert.rejects(run(`DELETE FROM ${table}`), /permission denied/)
      const [column] = await run(
        `SELECT column_name FROM information_schema.columns WHERE table_name = '${table}' LIMIT 1`,
      )
      const name = String(column?.['column_name'])
      await assert.rejects(run(`UPDATE ${table} SET ${name} = ${name}`), /permission denied/)
    })
  }

  test('a case is never taken away', async () => {
    const run = database.transaction((sql) => sql.query('DELETE FROM review_case'))
    await assert.rejects(run, /permission denied/)
  })

  test('another service reads nothing of it', async () => {
    const run = neighbour.transaction((sql) => sql.query('SELECT * FROM risk.assessment'))
    await assert.rejects(run, /permission denied/)
  })
})
