import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { createJournal } from '../../../src/platform/journal/journal.ts'
import { START } from '../../../src/platform/journal/record.ts'
import { systemTimers } from '../../../src/platform/journal/timers.ts'
import { createBareDatabase } from '../../support/stores.ts'
import { chainFrom, LIMITS, openDatabase, readAll } from './support.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  await client.query(statement)
  await client.end()
}

describe('a database that keeps a journal', { skip }, () => {
  test('waits for its disk whatever is set for it, and is refused where its URL says otherwise', async (t) => {
    const url = await createBareDatabase()
    await execute(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET synchronous_commit = off`)
    const store = openDatabase(url)
    t.after(() => store.close())
    assert.equal((await store.append({ epoch: 1, after: START, records: chainFrom(START, 1, 3) })).kind, 'stored')
    for (const [options, why] of [
      ['-c search_path=journal -c synchronous_commit=off', /synchronous_commit off keeps no journal/],
      ['-c statement_timeout=1000', /has the search_path .*, not journal/],
    ] as const) {
      const other = openDatabase(`${url}?options=${encodeURIComponent(options)}`)
      t.after(() => other.close())
      await assert.rejects(other.prepare(2), why)
      await assert.rejects(other.append({ epoch: 2, after: START, records: chainFrom(START, 2, 3) }), why)
    }
    assert.equal((await readAll(store)).length, 3)
  })

  test('whose schema is dropped while it is in use is another store, and is filled', async (t) => {
    const urls = await Promise.all([1, 2, 3].map(() => createBareDatabase()))
    const stores = urls.map(openDatabase)
    t.after(() => Promise.all(stores.map((store) => store.close())))
    const journal = createJournal({ stores, writes: 2, timers: systemTimers, limits: LIMITS })
    const answer = await journal.lead()
    assert.ok(answer.kind === 'leading')
    const { leadership } = answer
    t.after(() => leadership.resign('the test is over'))
    for (let n = 1; n <= 5; n++) assert.equal((await leadership.append(`${n}`)).kind, 'ok')
    const before = leadership.state().stores[2]?.store
    await execute(urls[2] ?? '', 'DROP SCHEMA journal CASCADE')
    assert.equal((await leadership.append('6')).kind, 'ok')
    const seat = () => leadership.state().stores[2]
    while (seat()?.store === before || seat()?.votes !== true) await sleep(10)
    const [one, , three] = await Promise.all(stores.map(readAll))
    assert.deepEqual(three, one)
  })

  test('that has lost its promise has its records, and another name', async (t) => {
    const url = await createBareDatabase()
    const store = openDatabase(url)
    t.after(() => store.close())
    const records = chainFrom(START, 4, 3)
    const before = await store.append({ epoch: 4, after: START, records })
    await execute(url, 'DELETE FROM journal.store')
    await assert.rejects(store.prepare(5), /has lost its promise/)
    assert.deepEqual(await store.prepare(4), { kind: 'fenced', promised: 4 })
    const granted = await store.prepare(5)
    assert.ok(granted.kind === 'granted' && before.kind === 'stored')
    assert.notEqual(granted.store, before.store)
    assert.equal(granted.end.hash, records[2]?.hash)
  })
})
