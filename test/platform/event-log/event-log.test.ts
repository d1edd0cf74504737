import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import type { EventLog } from '../../../src/platform/event-log/event-log.ts'
import { type FeedSource, followFeed } from '../../../src/platform/feed.ts'
import { eventually } from '../../support/edge-calls.ts'
import { skipWithoutKafka, startKafka, type TestKafka } from '../../support/kafka.ts'
import { onEachStore, type TestStore } from '../../support/stores.ts'
import { kafkaLogOf, moved, openEmbedded, outboxMigrations, readAll, silent, type Teller, tellerOf } from './rig.ts'

type Opened = { readonly log: EventLog; close(): Promise<void> }

/** What a follower may rely on, whichever log it is. */
function anyLog(store: TestStore, open: (teller: Teller) => Promise<Opened>): void {
  let server: DatabaseServer
  let teller: Teller
  let opened: Opened
  let told = 0
  const tell = async (count: number) => {
    for (let left = count; left > 0; left -= 50) {
      const batch = Math.min(left, 50)
      await teller.tell(...Array.from({ length: batch }, (_, nth) => moved(`acc_${nth % 7}`, told + nth)))
      told += batch
    }
  }
  before(async () => {
    server = await store.open()
    teller = tellerOf('cash-flow', await server.open('cash-flow', [outboxMigrations]))
    opened = await open(teller)
  })
  after(async () => {
    await opened.close()
    await server.close()
  })

  test('a follower gets all of it, in the order of the numbers, without a gap', async () => {
    await tell(340)
    const publisher = await teller.publish(opened.log)
    const source = opened.log.feed('membership', 'cash-flow')
    const events = await readAll(source, told)
    assert.deepEqual(
      events.map(({ seq }) => seq),
      Array.from({ length: told }, (_, nth) => BigInt(nth + 1)),
    )
    const [first] = await teller.outbox.read(0n, 1, 0)
    assert.deepEqual(events[0], { version: 1, ...first })
    await tell(3)
    assert.equal((await readAll(source, 3, BigInt(told - 3))).length, 3)
    await publisher.close()
  })

  test('it is read from any number on, again too', async () => {
    const source = opened.log.feed('risk', 'cash-flow')
    const publisher = await teller.publish(opened.log)
    for (const from of [0, 1, 7, 99, 100, 101, 250, 338, 340, 5]) {
      const [next] = await readAll(source, 1, BigInt(from))
      assert.equal(next?.seq, BigInt(from + 1), `after ${from}`)
    }
    await publisher.close()
  })

  test('each effect is made once, in order, though effects fail, two follow and publishers come and go', async () => {
    const listener = tellerOf('membership', await server.open('membership', [outboxMigrations]))
    const effects = async () => (await listener.outbox.read(0n, 10_000, 0)).map(({ subject }) => subject)
    let failures = 0
    const follow = (source: FeedSource) =>
      followFeed({
        feed: 'cash-flow',
        source,
        store: listener.outbox,
        log: silent,
        async apply(event, _sql, emit) {
          emit({ type: 'effect.made', subject: event.subject, members: [], data: {} })
          if (event.seq % 97n === 0n && failures < 5) {
            failures += 1
            throw new Error('the effect fails, and with it what it told')
          }
        },
      })
    const publishers = await Promise.all([teller.publish(opened.log), teller.publish(opened.log)])
    const followers = ['one', 'other'].map((name) => follow(opened.log.feed(name, 'cash-flow')))
    await tell(200)
    await Promise.all(publishers.map((publisher) => publisher.close()))
    const next = await teller.publish(opened.log)
    await tell(100)
    await eventually('all effects are made', async () => (await effects()).length >= told, 60_000)
    await Promise.all([next, ...followers].map((each) => each.close()))
    const all = await teller.outbox.read(0n, 10_000, 0)
    assert.deepEqual(
      await effects(),
      all.map(({ subject }) => subject),
    )
    assert.ok(failures > 0)
  })
}

onEachStore('the embedded event log', (store) => anyLog(store, openEmbedded))

describe('Kafka as event log', { skip: skipWithoutKafka }, () => {
  let kafka: TestKafka
  before(async () => {
    kafka = await startKafka(1)
  })
  after(() => kafka.stop(true))

  onEachStore('with the outbox', (store) => {
    anyLog(store, async () => {
      await forget(kafka)
      const log = kafkaLogOf(kafka.brokers)
      return { log, close: log.close }
    })
  })
})

/** Another outbox begins at 1 again: it has a topic of its own. */
async function forget({ brokers }: TestKafka): Promise<void> {
  const { Admin } = await import('@platformatic/kafka')
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: brokers.split(',') })
  const topics = await admin.listTopics()
  if (topics.length > 0) await admin.deleteTopics({ topics })
  await eventually('the topics are gone', async () => (await admin.listTopics()).length === 0)
  await admin.close()
}
