import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Admin } from '@platformatic/kafka'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { eventually } from '../../support/edge-calls.ts'
import { skipWithoutKafka, startKafka, type TestKafka } from '../../support/kafka.ts'
import { openFreshPglite } from '../../support/stores.ts'
import { kafkaLogOf, moved, outboxMigrations, readAll, type Teller, tellerOf } from './rig.ts'

describe('three brokers of Kafka', { skip: skipWithoutKafka }, () => {
  let kafka: TestKafka
  let server: DatabaseServer
  let teller: Teller
  let told = 0
  const tell = async (count: number) => {
    await teller.tell(...Array.from({ length: count }, (_, nth) => moved(`acc_${nth % 5}`, told + nth)))
    told += count
  }
  before(async () => {
    ;[kafka, server] = await Promise.all([startKafka(3), openFreshPglite()])
    teller = tellerOf('cash-flow', await server.open('cash-flow', [outboxMigrations]))
  })
  after(async () => {
    await server.close()
    await kafka.stop(true)
  })

  const admin = async <T>(ask: (admin: Admin) => Promise<T>): Promise<T> => {
    const client = new Admin({ clientId: 'test', bootstrapBrokers: kafka.brokers.split(',') })
    try {
      return await ask(client)
    } finally {
      await client.close()
    }
  }

  const unfit: readonly [setting: string, configs: Readonly<Record<string, string>>, replicas: number][] = [
    ['retention.ms', { 'min.insync.replicas': '2' }, 3],
    ['min.insync.replicas', { 'retention.ms': '-1' }, 3],
    ['cleanup.policy', { 'retention.ms': '-1', 'min.insync.replicas': '2', 'cleanup.policy': 'compact' }, 3],
    ['replication.factor', { 'retention.ms': '-1' }, 1],
  ]
  for (const [setting, configs, replicas] of unfit) {
    test(`nothing of money goes to a topic that is not fit by its ${setting}, and that is said`, async () => {
      const topics = ['tidegate.cash-flow.events']
      await admin(async (client) => {
        const settings = Object.entries(configs).map(([name, value]) => ({ name, value }))
        await client.createTopics({ topics, partitions: 1, replicas, configs: settings })
      })
      const log = kafkaLogOf(kafka.brokers)
      await assert.rejects(teller.publish(log), (error: Error) =>
        error.message.includes(`tidegate.cash-flow.events is not fit for its events: ${setting} is `),
      )
      await log.close()
      await admin((client) => client.deleteTopics({ topics }))
      const gone = async () => !(await admin((client) => client.listTopics())).includes('tidegate.cash-flow.events')
      await eventually('the topic is gone', gone)
    })
  }

  test('one that dies takes nothing along; without a second copy nothing counts as told', async () => {
    const log = kafkaLogOf(kafka.brokers)
    const publisher = await teller.publish(log)
    const source = log.feed('membership', 'cash-flow')
    await tell(50)
    assert.equal((await readAll(source, told)).length, told)

    const [first, second] = kafka.each
    await first?.kill()
    await tell(50)
    assert.equal((await readAll(source, 50, BigInt(told - 50))).length, 50)

    await second?.kill() // the majority that elects leaders is gone, and the second copy
    await tell(50)
    const heard: bigint[] = []
    const listening = (async () => {
      for (const event of await readAll(source, 50, BigInt(told - 50))) heard.push(event.seq)
    })()
    await teller.outbox.read(BigInt(told), 1, 2_000) // nobody else tells: two seconds in which nothing may come
    assert.deepEqual(heard, [])
    await Promise.all([first?.start(), second?.start()])
    await listening
    assert.deepEqual(
      heard,
      Array.from({ length: 50 }, (_, nth) => BigInt(told - 49 + nth)),
    )
    await publisher.close()
    await log.close()
  })

  test("an account's events are in one partition, in order", async () => {
    const seen = new Map<string, Set<number>>()
    const { Consumer } = await import('@platformatic/kafka')
    const consumer = new Consumer({ clientId: 'test', groupId: 'test', bootstrapBrokers: kafka.brokers.split(',') })
    const topics = ['tidegate.cash-flow.events']
    const stream = await consumer.consume({ topics, mode: 'earliest', autocommit: false })
    const newest = new Map<string, bigint>()
    let left = told
    for await (const { key, value, partition } of stream) {
      const { seq, data } = JSON.parse(value.toString())
      assert.equal(key.toString(), data.from)
      seen.set(data.from, (seen.get(data.from) ?? new Set()).add(partition))
      if (BigInt(seq) <= (newest.get(data.from) ?? 0n)) continue // told twice, by a producer that began again
      newest.set(data.from, BigInt(seq))
      left -= 1
      if (left === 0) break
    }
    await stream.close()
    await consumer.close(true)
    assert.deepEqual(
      [...seen.values()].map(({ size }) => size),
      [1, 1, 1, 1, 1],
    )
  })
})
