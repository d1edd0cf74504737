import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../src/kernel/clock.ts'
import type { Database, DatabaseServer } from '../../src/platform/database.ts'
import { createOutbox, type Outbox, outboxMigrations } from '../../src/platform/outbox.ts'
import { onEachStore } from '../support/stores.ts'

onEachStore('newest events', (store) => {
  let server: DatabaseServer
  let database: Database
  let looks = 0
  before(async () => {
    server = await store.open()
    const opened = await server.open('cash-flow', [outboxMigrations])
    const atOnce: Database['atOnce'] = (...statements) => {
      looks += 1
      return opened.atOnce(...statements)
    }
    database = { ...opened, atOnce }
  })
  after(() => server.close())

  const happened = (subject: string) => ({ type: 'thing.done', subject, members: ['mem_a'], data: { subject } })
  const tell = (outbox: Outbox, name: string, count: number) =>
    outbox.atOnce([], outbox.pack(Array.from({ length: count }, (_, nth) => happened(`${name} ${nth}`))))

  test('what this process told is read without a look, and as it stands in the store, whoever told what is between', async () => {
    const [one, other] = [createOutbox(database, systemClock), createOutbox(database, systemClock)]
    await one.transaction(async (_sql, emit) => emit(happened('in a transaction')))
    await tell(one, 'first', 3)
    await tell(one, 'many', 230)
    await tell(other, 'by another process', 2)
    await tell(one, 'behind them', 4)
    await tell(one, 'last', 1)
    const stands = await createOutbox(database, systemClock).read(0n, 1_000, 0)
    assert.equal(stands.length, 241)
    for (const after of [0, 1, 3, 4, 100, 233, 234, 235, 236, 237, 240, 241, 242]) {
      for (const limit of [1, 5, 200, 1_000]) {
        const read = await one.read(BigInt(after), limit, 0)
        assert.deepEqual(read, stands.slice(after, after + limit).slice(0, read.length), `after ${after}`)
        assert.equal(read.length > 0, after < stands.length)
      }
    }
    looks = 0
    assert.equal((await one.read(236n, 200, 0)).length, 5)
    assert.equal((await one.read(240n, 200, 0)).length, 1)
    assert.equal(looks, 0, 'it stands in memory')
    assert.equal((await one.read(234n, 200, 0))[0]?.subject, 'by another process 0')
    assert.ok(looks > 0, 'what another process told is looked for')
  })

  test('what was not committed is not read', async () => {
    const outbox = createOutbox(database, systemClock)
    const [last] = (await outbox.read(0n, 1_000, 0)).slice(-1)
    await assert.rejects(outbox.atOnce([{ text: 'SELECT 1 / 0', values: [] }], outbox.pack([happened('never')])))
    await tell(outbox, 'once', 1)
    const read = await outbox.read(last?.seq ?? 0n, 10, 0)
    assert.deepEqual(
      read.map(({ subject }) => subject),
      ['once 0'],
    )
  })

  test('who is far behind reads what is not remembered any more', async () => {
    const outbox = createOutbox(database, systemClock)
    const from = (await outbox.read(0n, 1_000, 0)).at(-1)?.seq ?? 0n
    for (let nth = 0; nth < 5; nth++) await tell(outbox, `${nth}:`, 300)
    const seen: bigint[] = []
    for (let at = from; seen.length < 1_500; at = seen.at(-1) ?? at) {
      for (const { seq } of await outbox.read(at, 200, 0)) seen.push(seq)
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 1_500 }, (_, nth) => from + BigInt(nth + 1)),
    )
  })

  test('of a batch that is larger than what is remembered its end is', async () => {
    const outbox = createOutbox(database, systemClock)
    await tell(outbox, 'before', 500)
    const from = (await outbox.read(0n, 10_000, 0)).at(-1)?.seq ?? 0n
    await tell(outbox, 'large', 1_000)
    await tell(outbox, 'behind it', 10)
    looks = 0
    const newest = await outbox.read(from + 700n, 1_000, 0)
    assert.equal(looks, 0, 'it stands in memory')
    assert.deepEqual(
      newest.map(({ seq, subject }) => [seq, subject]),
      Array.from({ length: 310 }, (_, nth) => [
        from + BigInt(701 + nth),
        nth < 300 ? `large ${700 + nth}` : `behind it ${nth - 300}`,
      ]),
    )
    assert.equal((await outbox.read(from, 1_000, 0))[0]?.subject, 'large 0', 'before it the store is read')
  })
})
