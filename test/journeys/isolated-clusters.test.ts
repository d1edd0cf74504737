import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { DECISIONS_TOPIC } from '../../src/edge/decision-schema.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { skipWithoutKafka, startKafka, type TestKafka } from '../support/kafka.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

describe('money and the rest on Kafka clusters of their own', { skip: skipWithoutKafka }, () => {
  let money: TestKafka
  let rest: TestKafka
  let platform: TestPlatform
  let calls: EdgeCalls
  before(async () => {
    ;[money, rest] = await Promise.all([startKafka(1), startKafka(1)])
    const environment = { TIDEGATE_KAFKA_BROKERS: money.brokers, TIDEGATE_KAFKA_REST_BROKERS: rest.brokers }
    platform = await startTestPlatform({ environment })
    calls = edgeCalls(platform)
  })
  after(async () => {
    await platform.close()
    await Promise.all([money.stop(true), rest.stop(true)])
  })

  const pay = async (): Promise<string> => {
    const answer = await calls.transfer('1.00')
    assert.equal(answer.status, 201, answer.text)
    return answer.body.id
  }
  /** By way of cash flow's topic: membership follows it. */
  const isTold = async (transfer: string): Promise<boolean> => {
    for (let after = '0'; ; ) {
      const { body } = await calls.call('mem_bob', 'GET', `/v1/events?after=${after}&limit=100`)
      if (body.items.some((event: { data: { transfer?: string } }) => event.data.transfer === transfer)) return true
      if (body.next === null) return false
      after = body.next
    }
  }
  const revoke = async (jti: string): Promise<string> => {
    const answer = await calls.operate('operator', 'POST', '/v1/revocations', { body: { jti, reason: 'lost' } })
    assert.equal(answer.status, 201, answer.text)
    return answer.body.id
  }
  const topicHas = async (kafka: TestKafka, topic: string, text: string): Promise<boolean> => {
    const { Consumer } = await import('@platformatic/kafka')
    const consumer = new Consumer({ clientId: 'test', groupId: 'test', bootstrapBrokers: kafka.brokers.split(',') })
    try {
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })
      const late = setTimeout(() => void stream.close(), 3_000)
      for await (const { value } of stream) {
        if (value.toString().includes(text)) return true
      }
      clearTimeout(late)
      return false
    } finally {
      await consumer.close(true)
    }
  }

  test('each has what it is for', async () => {
    const transfer = await pay()
    await eventually('Bob is told', () => isTold(transfer))
    assert.ok(await topicHas(money, 'tidegate.cash-flow.events', transfer))
    const revocation = await revoke('one')
    await eventually('the rest is told', () => topicHas(rest, 'tidegate.membership.events', revocation))
    const { headers } = await calls.transfer('1.00')
    const receipt = String(headers['tidegate-receipt'])
    await eventually('the rest has what was decided', () => topicHas(rest, DECISIONS_TOPIC, `"receipt":"${receipt}"`))
  })

  test('while the rest is away money moves, and who was paid is told; then the backlog goes out', async () => {
    await rest.each[0]?.kill()
    const revocation = await revoke('two')
    const transfer = await pay()
    const refused = await calls.call(null, 'GET', '/v1/transfers')
    assert.equal(refused.status, 401)
    await eventually('Bob is told', () => isTold(transfer))
    await rest.each[0]?.start()
    await eventually('the rest catches up', () => topicHas(rest, 'tidegate.membership.events', revocation), 60_000)
    const receipt = `"receipt":"${refused.headers['tidegate-receipt']}"`
    await eventually('and with what was decided', () => topicHas(rest, DECISIONS_TOPIC, receipt), 60_000)
  })

  test('while the cluster of money is away the rest goes on, and transfers are accepted; then all are told', async () => {
    await money.each[0]?.kill()
    const transfers = [await pay(), await pay(), await pay()]
    const revocation = await revoke('three')
    await eventually('the rest is told', () => topicHas(rest, 'tidegate.membership.events', revocation))
    assert.equal(await isTold(transfers[0] ?? ''), false)
    await money.each[0]?.start()
    for (const transfer of transfers) await eventually('Bob is told', () => isTold(transfer), 60_000)
  })
})
