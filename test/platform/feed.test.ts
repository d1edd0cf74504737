import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../src/kernel/clock.ts'
import { newId } from '../../src/kernel/id.ts'
import type { Database, DatabaseServer } from '../../src/platform/database.ts'
import { byThePage, FEED_PAGE_MAX, type FeedSource, followFeed } from '../../src/platform/feed.ts'
import { createLog } from '../../src/platform/log.ts'
import { createOutbox, type Event, type Happening, type Outbox, outboxMigrations } from '../../src/platform/outbox.ts'
import { eventually } from '../support/edge-calls.ts'
import { onEachStore } from '../support/stores.ts'

const log = createLog('silent')
const happening = (subject: string): Happening => ({
  type: 'thing.done',
  subject,
  members: ['mem_a'],
  data: { subject },
})

test('a page that was not full is followed by the next one after a pause; one that was, or had nothing, at once', async () => {
  const asked: string[] = []
  const pages = [FEED_PAGE_MAX, 3, 0, 1, FEED_PAGE_MAX]
  const event = { seq: 1n, id: newId('event'), at: 0, ...happening('a') }
  const source: FeedSource = async () => {
    const count = pages.shift() ?? 0
    asked.push(`${count}`)
    return Array.from({ length: count }, () => event)
  }
  const feed = byThePage(source, async () => asked.push('pause'))
  for (let nth = 0; nth < 6; nth++) await feed(0n, new AbortController().signal)
  assert.deepEqual(asked, ['200', '3', 'pause', '0', '1', 'pause', '200', '0'])
})

onEachStore('outbox and feed', (store) => {
  let server: DatabaseServer
  let teller: Outbox
  let tellerStore: Database
  let listener: Outbox
  before(async () => {
    server = await store.open()
    tellerStore = await server.open('product', [outboxMigrations])
    teller = createOutbox(tellerStore, systemClock)
    listener = createOutbox(await server.open('membership', [outboxMigrations]), systemClock)
  })
  after(() => server.close())

  const tell = (...subjects: string[]) =>
    teller.transaction(async (_sql, emit) => {
      for (const subject of subjects) emit(happening(subject))
    })
  const all = async (): Promise<readonly Event[]> => teller.read(0n, 1_000, 0)

  test('what is emitted is committed with its effect, or not at all', async () => {
    await tell('a', 'b')
    await assert.rejects(
      teller.transaction(async (_sql, emit) => {
        emit(happening('never'))
        throw new Error('undone')
      }),
      /undone/,
    )
    await tell('c')
    const events = await all()
    assert.deepEqual(
      events.map(({ seq, subject }) => [seq, subject]),
      [
        [1n, 'a'],
        [2n, 'b'],
        [3n, 'c'],
      ],
    )
    const [first] = events
    assert.deepEqual([first?.type, first?.members, first?.data], ['thing.done', ['mem_a'], { subject: 'a' }])
  })

  test('the numbers are in commit order without a gap, however many tell at once', async () => {
    const before = (await all()).length
    const seen: bigint[] = []
    let reading = true
    const reader = (async () => {
      let last = BigInt(before)
      while (reading || last < before + 40) {
        for (const { seq } of await teller.read(last, 100, 50)) {
          seen.push(seq)
          last = seq
        }
      }
    })()
    await Promise.all(Array.from({ length: 40 }, (_, n) => tell(`at-once-${n}`)))
    reading = false
    await reader
    assert.deepEqual(
      seen,
      Array.from({ length: 40 }, (_, n) => BigInt(before + n + 1)),
    )
  })

  test('a reader that waits is woken by the next event, and by its own hanging up', async () => {
    const last = (await all()).at(-1)?.seq ?? 0n
    const waiting = teller.read(last, 10, 20_000)
    await tell('awaited')
    assert.deepEqual(
      (await waiting).map(({ subject }) => subject),
      ['awaited'],
    )
    const stop = new AbortController()
    const stopped = teller.read(last + 1n, 10, 20_000, stop.signal)
    stop.abort()
    await tell('after the hang-up')
    await stopped
  })

  test('a follower makes each effect exactly once, in order, though effects fail and two follow at once', async () => {
    const source: FeedSource = (after, signal) => teller.read(after, 7, 100, signal)
    const expected = (await all()).map(({ subject }) => `effect of ${subject}`)
    let failures = 0
    const follow = () =>
      followFeed({
        feed: 'product',
        source,
        store: listener,
        log,
        async apply(event, _sql, emit) {
          emit(happening(`effect of ${event.subject}`))
          if (event.seq % 5n === 0n && failures < 6) {
            failures += 1
            throw new Error('the effect fails, and with it what it told')
          }
        },
      })
    const followers = [follow(), follow()]
    const effects = async () => (await listener.read(0n, 1_000, 0)).map(({ subject }) => subject)
    await eventually('all effects are made', async () => (await effects()).length >= expected.length, 30_000)
    await Promise.all(followers.map((follower) => follower.close()))
    assert.deepEqual(await effects(), expected)
    assert.ok(failures > 0)
    const again = follow()
    await tell('one more')
    await eventually('the new one is followed', async () => (await effects()).length === expected.length + 1)
    await again.close()
    assert.deepEqual(await effects(), [...expected, 'effect of one more'])
  })

  test('effects that come together are committed together; of those only the failing one fails', async () => {
    const [name, failing] = ['together', 'together-30']
    const before = (await all()).length
    await tell(...Array.from({ length: 60 }, (_, nth) => `${name}-${nth}`))
    const applied: string[] = []
    let [transactions, isBroken] = [0, true]
    const store: Pick<Outbox, 'transaction'> = {
      transaction(work) {
        transactions += 1
        return listener.transaction(work)
      },
    }
    const follower = followFeed({
      feed: name,
      source: (after, signal) => teller.read(after < before ? BigInt(before) : after, 100, 100, signal),
      store,
      log,
      async apply({ subject }, sql) {
        await sql.query('SELECT 1')
        if (subject === failing && isBroken) throw new Error('not yet')
        if (!applied.includes(subject)) applied.push(subject)
      },
    })
    await eventually('all before it are taken', async () => applied.at(-1) === `${name}-29`)
    isBroken = false
    await eventually('all are taken', async () => applied.length === 60)
    const since = transactions
    await tell(...Array.from({ length: 50 }, (_, nth) => `${name}-more-${nth}`))
    await eventually('those that came since are taken', async () => applied.length === 110)
    await follower.close()
    assert.deepEqual(
      applied.slice(0, 60),
      Array.from({ length: 60 }, (_, nth) => `${name}-${nth}`),
    )
    assert.ok(transactions - since < 25, `fifty effects took ${transactions - since} transactions`)
  })

  test('events that stand in pages are read from any number on, as many as are asked for, and each once', async () => {
    const outbox = createOutbox(await server.open('risk', [outboxMigrations]), systemClock)
    for (const count of [1, 250, 3, 100, 1]) {
      await outbox.transaction(async (_sql, emit) => {
        for (let nth = 0; nth < count; nth++) emit(happening(`of ${count}: ${nth}`))
      })
    }
    const events = await outbox.read(0n, 1_000, 0)
    assert.deepEqual(
      events.map(({ seq }) => seq),
      Array.from({ length: 355 }, (_, nth) => BigInt(nth + 1)),
    )
    for (const after of [0, 1, 2, 99, 100, 101, 150, 253, 254, 353, 354, 355]) {
      for (const limit of [1, 7, 100, 101]) {
        assert.deepEqual(await outbox.read(BigInt(after), limit, 0), events.slice(after, after + limit))
      }
    }
  })

  test('many who wait look together, and are told what another process wrote', async () => {
    let looks = 0
    const counted: Database = {
      ...tellerStore,
      transaction: (work) => {
        looks += 1
        return tellerStore.transaction(work)
      },
      atOnce: (statements) => {
        looks += 1
        return tellerStore.atOnce(statements)
      },
    }
    const elsewhere = createOutbox(counted, systemClock)
    const last = (await all()).at(-1)?.seq ?? 0n
    const waiters = (waitMs: number) => Promise.all(Array.from({ length: 20 }, () => elsewhere.read(last, 10, waitMs)))
    assert.deepEqual((await waiters(1_000)).flat(), [], 'there is nothing new')
    assert.ok(looks < 20, `${looks} looks of 20 who waited for a second`)
    const told = waiters(30_000)
    await tell('by another process')
    for (const [event] of await told) assert.equal(event?.subject, 'by another process')
    const gone = new AbortController()
    const left = elsewhere.read(last + 1n, 10, 30_000, gone.signal)
    gone.abort()
    assert.deepEqual(await left, [], 'who leaves does not wait')
  })

  test('what was told can not be changed or taken back by the service itself', async () => {
    for (const statement of ['UPDATE outbox SET last = last', 'DELETE FROM outbox'])
      await assert.rejects(
        tellerStore.transaction((sql) => sql.query(statement)),
        /permission denied/,
      )
  })
})
