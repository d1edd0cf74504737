import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { ServiceName } from '../../../src/platform/database.ts'
import { closeKafka, type KafkaAdmin, openAdmin, openConsumer } from '../../../src/platform/event-log/kafka-cluster.ts'
import { createPartitions } from '../../../src/platform/event-log/kafka-partitions.ts'
import { prepareTopic, topicOf } from '../../../src/platform/event-log/kafka-topic.ts'
import type { KafkaSecurity } from '../../../src/platform/kafka-config.ts'
import { pairOf, pemPath } from '../../support/certificates.ts'
import { eventually } from '../../support/edge-calls.ts'
import { type Broker, skipWithoutKafka, startKafka, type TestKafka } from '../../support/kafka.ts'
import { recordingLog } from '../../support/recording-log.ts'
import { openFreshPglite, type TestStore } from '../../support/stores.ts'
import { kafkaLogOf, makeUser, moved, outboxMigrations, readAll, silent, type Teller, tellerOf } from './rig.ts'

const ACCOUNTS = 5
const FETCHES_MAX = 100

// One cluster for all; each test has a topic that no other one touches, and what it opened is closed when it fails, too.
describe('three brokers of Kafka', { skip: skipWithoutKafka }, () => {
  let kafka: TestKafka
  let server: Awaited<ReturnType<TestStore['open']>>
  before(async () => {
    ;[kafka, server] = await Promise.all([startKafka(3, { secured: pairOf('server') }), openFreshPglite()])
  })
  after(() => Promise.all([server.close(), kafka.stop(true)]))

  const clusterOf = ({ brokers }: TestKafka) => ({ name: 'money' as const, brokers: brokers.split(','), security: {} })
  const openedAdmin = async (test: TestContext): Promise<KafkaAdmin> => {
    const admin = await openAdmin(clusterOf(kafka), 'test')
    test.after(() => closeKafka(admin))
    return admin
  }
  const make = async (admin: KafkaAdmin, topic: string, settings: Readonly<Record<string, string>>, replicas = 3) => {
    const configs = Object.entries(settings).map(([name, value]) => ({ name, value }))
    await admin.createTopics({ topics: [topic], partitions: 1, replicas, configs })
  }
  const tellerFor = async (service: ServiceName): Promise<Teller> =>
    tellerOf(service, await server.open(service, [outboxMigrations]))

  const kept = { 'retention.ms': '-1', 'unclean.leader.election.enable': 'false' }
  const unfit: readonly [setting: string, settings: Readonly<Record<string, string>>, replicas?: number][] = [
    ['retention.ms', { 'min.insync.replicas': '2' }],
    ['min.insync.replicas', { ...kept, 'min.insync.replicas': '1' }],
    ['cleanup.policy', { ...kept, 'min.insync.replicas': '2', 'cleanup.policy': 'compact' }],
    [
      'unclean.leader.election.enable',
      { ...kept, 'min.insync.replicas': '2', 'unclean.leader.election.enable': 'true' },
    ],
    ['replication.factor', kept, 1],
  ]
  for (const [setting, settings, replicas] of unfit) {
    test(`a topic is not fit for money by its ${setting}, and that is said`, async (test) => {
      const admin = await openedAdmin(test)
      const topic = topicOf(`unfit-by-${setting}`)
      await make(admin, topic, settings, replicas)
      const wish = { topic, partitions: 1, keepsAll: true, isMoney: true }
      await assert.rejects(prepareTopic(admin, wish), (error: Error) =>
        error.message.includes(`${topic} is not fit for its events: ${setting} is `),
      )
    })
  }

  test('what is not money is kept for good, too: who follows later begins at the first event', async (test) => {
    const admin = await openedAdmin(test)
    const wish = { partitions: 1, keepsAll: true, isMoney: false }
    await prepareTopic(admin, { ...wish, topic: topicOf('made') })
    await make(admin, topicOf('forgetful'), { 'retention.ms': '604800000' }, 1)
    await assert.rejects(prepareTopic(admin, { ...wish, topic: topicOf('forgetful') }), /retention\.ms is 604800000/)
    await prepareTopic(admin, { ...wish, topic: topicOf('forgetful'), keepsAll: false })
  })

  test('a topic that is made unfit, or longer, while events go there', async (test) => {
    const topic = topicOf('product')
    const { log: told, lines } = recordingLog()
    const log = kafkaLogOf(kafka.brokers, kafka.brokers, told, {}, 0)
    const teller = await tellerFor('product')
    const admin = await openedAdmin(test)
    test.after(log.close)
    const publishing = async () => {
      const publisher = await teller.publish(log)
      test.after(publisher.close)
      return publisher
    }
    const tell = (from: number) =>
      teller.tell(...Array.from({ length: 20 }, (_, nth) => moved(`acc_${nth % ACCOUNTS}`, from + nth)))
    const records = async () =>
      (await everyRecordOf(test, kafka, topic)).map(({ partition, value }) => ({
        partition,
        event: JSON.parse(String(value)),
      }))
    const first = await publishing()
    await tell(0)
    await readAll(log.feed('risk', 'product'), 20)
    await first.close()

    // An account's events stay where they are, so that they stay in order.
    const assignments = Array.from({ length: 5 }, () => ({ brokerIds: [1, 2, 3] }))
    await admin.createPartitions({ topics: [{ name: topic, count: 8, assignments }] })
    await eventually('the partitions are there', async () => {
      const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true })
      return topics.get(topic)?.partitions.length === 8
    })
    await publishing()
    await tell(20)
    await readAll(log.feed('settlement', 'product'), 40)
    const placesOf = Map.groupBy(await records(), ({ event }) => event.data.from)
    assert.equal(placesOf.size, ACCOUNTS)
    for (const [account, places] of placesOf) {
      assert.equal(new Set(places.map(({ partition }) => partition)).size, 1, `${account} is in one partition`)
    }
    assert.ok(lines.some(({ msg }) => msg.includes('partitions were added')))

    // What is written there now would be forgotten: it waits until the topic is mended.
    const keepFor = (value: string) =>
      admin.incrementalAlterConfigs({
        resources: [
          {
            resourceType: 2,
            resourceName: topic,
            configs: [{ name: 'retention.ms', configOperation: 0, value }],
          },
        ],
      })
    await keepFor('604800000')
    await tell(40)
    await eventually('it is said why', async () =>
      lines.some((line) => JSON.stringify(line).includes('retention.ms is 604800000')),
    )
    assert.equal((await records()).length, 40)
    await keepFor('-1')
    assert.equal((await readAll(log.feed('membership', 'product'), 60)).length, 60)
  })

  test('however much waits, and all of it for one partition, it is sent in pieces that brokers take', async (test) => {
    const log = kafkaLogOf(kafka.brokers)
    test.after(log.close)
    const teller = await tellerFor('membership')
    const long = Array.from({ length: 300 }, (_, nth) => {
      const happening = moved('acc_0', nth)
      return { ...happening, data: { from: 'acc_0', legs: 'x'.repeat(7_000) } }
    })
    await teller.tell(...long) // before anybody publishes
    const publisher = await teller.publish(log)
    test.after(publisher.close)
    assert.equal((await readAll(log.feed('risk', 'membership'), long.length)).length, long.length)

    const lines = log.lines('tidegate.test.lines')
    assert.ok(lines !== null)
    test.after(lines.close)
    await lines.send(long.map(({ data }) => ({ key: 'sealed', kind: 'envelope', text: data.legs })))
    assert.equal((await everyRecordOf(test, kafka, 'tidegate.test.lines')).length, long.length)
  })

  test('a producer refuses to start on a topic that is not fit, and nothing is written there', async (test) => {
    const admin = await openedAdmin(test)
    const topic = topicOf('settlement')
    await make(admin, topic, { 'retention.ms': '-1', 'min.insync.replicas': '1' })
    const log = kafkaLogOf(kafka.brokers)
    test.after(log.close)
    const teller = await tellerFor('settlement')
    await teller.tell(moved('acc_0', 1))
    await assert.rejects(
      teller.publish(log),
      /settlement\.events is not fit for its events: min\.insync\.replicas is 1/,
    )
    const records = await everyRecordOf(test, kafka, topic)
    assert.deepEqual(records, [])
  })

  test('over TLS and with a login events come as without; who is not sure of the other side, or of himself, gets nothing', async (test) => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-login-'))
    test.after(() => rm(folder, { recursive: true }))
    const passwordFile = async (name: string, password: string): Promise<string> => {
      await writeFile(join(folder, name), password)
      return join(folder, name)
    }
    await makeUser(kafka, 'tidegate', 'the right one')
    const login = {
      mechanism: 'SCRAM-SHA-512',
      username: 'tidegate',
      password_file: await passwordFile('right', 'the right one\n'),
    } as const
    const tls = { ca_file: pemPath('server.crt') }
    const brokers = kafka.each.map(({ securedAddress }) => securedAddress).join(',')
    const log = kafkaLogOf(brokers, brokers, silent, { tls, login })
    const teller = await tellerFor('risk')
    const publisher = await teller.publish(log)
    test.after(async () => {
      await publisher.close()
      await log.close()
    })
    await teller.tell(...Array.from({ length: 20 }, (_, nth) => moved('acc_0', nth)))
    assert.equal((await readAll(log.feed('membership', 'risk'), 20)).length, 20)

    const wrong: readonly (readonly [string, KafkaSecurity])[] = [
      ['without TLS', {}],
      ['with a CA that did not issue it', { tls: { ca_file: pemPath('client-ca.crt') }, login }],
      ['without a login', { tls }],
      ['with another password', { tls, login: { ...login, password_file: await passwordFile('wrong', 'another') } }],
    ]
    for (const [how, security] of wrong) {
      const admin = await openAdmin({ name: 'money', brokers: brokers.split(','), security }, 'test')
      test.after(() => closeKafka(admin))
      await assert.rejects(admin.listTopics(), `${how} nothing is told`)
    }
  })

  test('one that is killed takes nothing along that was acknowledged, and the order of an account stays', async (test) => {
    const log = kafkaLogOf(kafka.brokers)
    const teller = await tellerFor('cash-flow')
    const publisher = await teller.publish(log)
    test.after(async () => {
      await publisher.close()
      await log.close()
    })
    const topic = topicOf('cash-flow')
    const admin = await openedAdmin(test)
    const { topics } = await onceKnown(() => admin.metadata({ topics: [topic], forceUpdate: true }))
    const partitions = topics.get(topic)?.partitions ?? []
    assert.deepEqual(
      partitions.map(({ replicas, isr }) => [replicas.length, isr.length]),
      [3, 3, 3].map((copies) => [copies, copies]),
    )

    let told = 0
    const tell = async (times: number) => {
      for (let left = times; left > 0; left--) {
        const batch = Array.from({ length: ACCOUNTS * 2 }, (_, nth) => moved(`acc_${nth % ACCOUNTS}`, told + nth))
        await teller.tell(...batch)
        told += batch.length
      }
    }
    await tell(10)
    const source = log.feed('membership', 'cash-flow')
    await readAll(source, told)
    // It leads one of the three partitions: the others take over while more is told.
    await Promise.all([leaderOf(kafka, partitions[0]?.leader).kill(), tell(40)])
    await tell(10)
    const seqs = Array.from({ length: told }, (_, nth) => BigInt(nth + 1))
    const fresh = kafkaLogOf(kafka.brokers)
    test.after(fresh.close)
    const all = await readAll(fresh.feed('risk', 'cash-flow'), told)
    assert.deepEqual(
      all.map(({ seq }) => seq),
      seqs,
    )

    const placesOf = new Map<unknown, Set<number>>()
    const newest = new Map<unknown, bigint>()
    for (const { partition, value } of await everyRecordOf(test, kafka, topic)) {
      const { seq, data } = JSON.parse(String(value))
      placesOf.set(data.from, (placesOf.get(data.from) ?? new Set()).add(partition))
      if (BigInt(seq) <= (newest.get(data.from) ?? 0n)) continue // sent again, by a producer that began anew
      newest.set(data.from, BigInt(seq))
    }
    assert.deepEqual(
      [...placesOf.values()].map(({ size }) => size),
      Array.from({ length: ACCOUNTS }, () => 1),
    )
    // The last of each account came last of it.
    assert.deepEqual([...newest.values()].sort(), seqs.slice(-ACCOUNTS))
  })
})

function leaderOf({ each }: TestKafka, node = 0): Broker {
  const broker = each[node - 1]
  assert.ok(broker !== undefined, `there is a broker ${node}`)
  return broker
}

/** Each broker hears of a new topic by itself. */
function onceKnown<T extends object>(ask: () => Promise<T>): Promise<T> {
  return eventually('every broker knows the topic', () => ask().catch(() => null))
}

/** As they lie there, each partition's in its order. */
async function everyRecordOf(test: TestContext, { brokers }: TestKafka, topic: string) {
  const consumer = await openConsumer({ name: 'money', brokers: brokers.split(','), security: {} }, 'test')
  test.after(() => closeKafka(consumer))
  const partitions = createPartitions(consumer, topic)
  const leaders = await onceKnown(() => partitions.leaders(true))
  const bounds = await partitions.bounds()
  const records: { partition: number; value: Buffer | null }[] = []
  for (const [partition, { first, end }] of bounds) {
    let from = first
    for (let fetches = 0; from < end; fetches++) {
      assert.ok(fetches < FETCHES_MAX, `partition ${partition} gives its records up to ${end}`)
      const found = await partitions.fetch(leaders.get(partition) ?? -1, new Map([[partition, from]]), 1_000, 65_536)
      records.push(...found)
      from = (found.at(-1)?.offset ?? from - 1n) + 1n
    }
  }
  return records
}
