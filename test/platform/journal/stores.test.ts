import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { recordAfter, START } from '../../../src/platform/journal/record.ts'
import { chainFrom, filePlace, postgresPlace, readAll, type TestPlace } from './support.ts'

const noPostgres =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

for (const [kind, skip, place] of [
  ['files', false, filePlace],
  ['PostgreSQL', noPostgres, postgresPlace],
] as const satisfies readonly (readonly [string, false | string, (t: TestContext) => Promise<TestPlace>])[]) {
  describe(`a journal store in ${kind}`, { skip }, () => {
    async function opened(t: TestContext) {
      const where = await place(t)
      const store = await where.open()
      t.after(() => store.close())
      return store
    }

    test('promises an epoch once, and no older one', async (t) => {
      const store = await opened(t)
      const granted = await store.prepare(5)
      assert.ok(granted.kind === 'granted')
      assert.deepEqual([granted.end, granted.voters], [START, null])
      assert.deepEqual(await store.prepare(5), { kind: 'fenced', promised: 5 })
      assert.deepEqual(await store.prepare(4), { kind: 'fenced', promised: 5 })
    })

    test('of many that ask for one epoch at once one is promised it', async (t) => {
      const store = await opened(t)
      const answers = await Promise.all(Array.from({ length: 8 }, () => store.prepare(3)))
      assert.equal(answers.filter(({ kind }) => kind === 'granted').length, 1)
    })

    test('hears no leader of an older epoch, and promises by hearing a newer one', async (t) => {
      const store = await opened(t)
      const [first, second] = chainFrom(START, 2, 2)
      assert.ok(first && second)
      assert.equal((await store.append({ epoch: 2, after: START, records: [first] })).kind, 'stored')
      assert.deepEqual(await store.prepare(2), { kind: 'fenced', promised: 2 })
      await store.prepare(7)
      const late = await store.append({ epoch: 2, after: first, records: [second] })
      assert.deepEqual(late, { kind: 'fenced', promised: 7 })
      assert.deepEqual(await readAll(store), [first])
    })

    test('takes what it has already once, and loses nothing behind it', async (t) => {
      const store = await opened(t)
      const records = chainFrom(START, 1, 5)
      await store.append({ epoch: 1, after: START, records })
      for (const count of [1, 3, 5, 0]) {
        assert.equal((await store.append({ epoch: 1, after: START, records: records.slice(0, count) })).kind, 'stored')
      }
      assert.deepEqual(await readAll(store), records)
    })

    test('says where its log ends when a request belongs behind something it has not', async (t) => {
      const store = await opened(t)
      const records = chainFrom(START, 1, 3)
      const [first, second, third] = records
      assert.ok(first && second && third)
      await store.append({ epoch: 1, after: START, records: [first] })
      const early = await store.append({ epoch: 1, after: second, records: [third] })
      assert.ok(early.kind === 'apart')
      assert.equal(early.end, 1)
      const other = recordAfter(START, 1, 'batch', 'another first')
      const apart = await store.append({ epoch: 1, after: other, records: chainFrom(other, 1, 1) })
      assert.equal(apart.kind, 'apart')
      assert.deepEqual(await readAll(store), [first])
    })

    test('replaces what an overtaken leader left, from the first record that differs', async (t) => {
      const store = await opened(t)
      const old = chainFrom(START, 1, 40)
      await store.append({ epoch: 1, after: START, records: old })
      const kept = old.slice(0, 17)
      const base = kept.at(-1)
      assert.ok(base)
      const newer = chainFrom(base, 2, 4)
      assert.equal((await store.append({ epoch: 2, after: START, records: [...kept, ...newer] })).kind, 'stored')
      assert.deepEqual(await readAll(store), [...kept, ...newer])
    })

    test('is of one journal: what another one sends it changes nothing', async (t) => {
      const store = await opened(t)
      const own = chainFrom(START, 1, 3)
      await store.append({ epoch: 1, after: START, records: own })
      const foreign = recordAfter(START, 5, 'batch', 'the first record of another journal')
      await assert.rejects(store.append({ epoch: 5, after: START, records: [foreign] }), /another journal/)
      assert.deepEqual(await readAll(store), own)
    })

    test('tells its end and its newest voters, cut ones not', async (t) => {
      const store = await opened(t)
      const voters = { stores: ['a', 'b', 'c'], writes: 2, before: null }
      const founding = recordAfter(START, 1, 'voters', JSON.stringify(voters))
      const others = recordAfter(founding, 1, 'voters', JSON.stringify({ ...voters, before: ['a', 'b', 'x'] }))
      await store.append({ epoch: 1, after: START, records: [founding, others] })
      const both = await store.prepare(2)
      assert.ok(both.kind === 'granted')
      assert.deepEqual(both.voters?.before, ['a', 'b', 'x'])
      const [instead] = chainFrom(founding, 3, 1)
      assert.ok(instead)
      await store.append({ epoch: 3, after: founding, records: [instead] })
      const one = await store.prepare(4)
      assert.ok(one.kind === 'granted')
      assert.deepEqual(one.voters, voters)
      assert.deepEqual(one.end, { seq: 2, epoch: 3, hash: instead.hash })
    })

    test('has all of it, promise and name, when it is opened again', async (t) => {
      const where = await place(t)
      const store = await where.open()
      const before = await store.prepare(9)
      const records = chainFrom(START, 9, 60)
      await store.append({ epoch: 9, after: START, records })
      await store.close()
      const again = await where.open()
      t.after(() => again.close())
      assert.deepEqual(await readAll(again), records)
      assert.deepEqual(await again.prepare(9), { kind: 'fenced', promised: 9 })
      const granted = await again.prepare(10)
      assert.ok(granted.kind === 'granted' && before.kind === 'granted')
      assert.equal(granted.store, before.store)
    })

    test('reads in pieces, of one record at least', async (t) => {
      const store = await opened(t)
      const large = recordAfter(START, 1, 'batch', 'x'.repeat(5_000))
      const small = chainFrom(large, 1, 20)
      await store.append({ epoch: 1, after: START, records: [large, ...small] })
      assert.deepEqual((await store.read(0, 100)).records, [large])
      const { records: some } = await store.read(1, 3_000)
      assert.ok(some.length > 1 && some.length <= 20)
      assert.deepEqual(some, small.slice(0, some.length))
      assert.deepEqual((await store.read(21, 100)).records, [])
      const { store: name } = await store.read(21, 100)
      const granted = await store.prepare(2)
      assert.ok(granted.kind === 'granted' && granted.store === name)
    })

    test('keeps any text', async (t) => {
      const store = await opened(t)
      const record = recordAfter(START, 1, 'batch', 'é漢字🂡 "\\ \u0001 \u2028 end')
      await store.append({ epoch: 1, after: START, records: [record] })
      assert.deepEqual(await readAll(store), [record])
    })
  })
}
