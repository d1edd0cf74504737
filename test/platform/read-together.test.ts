import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Problem } from '../../src/kernel/problem.ts'
import type { DatabaseServer, Sql } from '../../src/platform/database.ts'
import { outboxMigrations } from '../../src/platform/outbox.ts'
import { readTogether } from '../../src/platform/read-together.ts'
import { onEachStore } from '../support/stores.ts'

onEachStore('reads that are asked for together', (store) => {
  let server: DatabaseServer
  let reads: Sql
  before(async () => {
    server = await store.open()
    reads = readTogether(await server.open('cash-flow', [outboxMigrations]))
  })
  after(() => server.close())

  /** When the transaction began that this is read in. */
  const begun = async (): Promise<string> => {
    const [row] = await reads.query<{ at: string }>('SELECT now()::text AS at')
    return row?.at ?? ''
  }

  test('are one transaction, and those of another turn are another', async () => {
    const [one, other] = await Promise.all([begun(), begun()])
    assert.equal(one, other)
    assert.notEqual(await begun(), one)
  })

  test('have each its own rows', async () => {
    const of = (text: string) => reads.query<{ text: string }>('SELECT $1::text AS text', [text])
    const rows = await Promise.all([of('a'), reads.query('SELECT 1 WHERE false'), of('b')])
    assert.deepEqual(rows, [[{ text: 'a' }], [], [{ text: 'b' }]])
  })

  test('fail together, and nobody else with them', async () => {
    const settled = await Promise.allSettled([begun(), reads.query('SELECT nothing FROM nowhere')])
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.ok(await begun())
  })
})

test('a read whose transaction nobody confirmed has done nothing', async () => {
  const reads = readTogether({ atOnce: () => Promise.reject(new Problem('outcome_unknown')) })
  await assert.rejects(
    reads.query('SELECT 1'),
    (error) => error instanceof Problem && error.code === 'dependency_unavailable',
  )
})
