import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type FeedInUse, openEventLog } from '../../src/main/event-log.ts'
import { createLog } from '../../src/platform/log.ts'

const log = createLog('silent')
const open = (
  environment: Record<string, string>,
  kafka?: { money: { brokers: string[] }; rest?: { brokers: string[] } },
) => {
  const feeds: FeedInUse[] = []
  const embedded = () => async () => []
  const events = openEventLog({ config: kafka === undefined ? {} : { kafka }, environment, log, embedded, feeds })
  for (const service of ['cash-flow', 'membership'] as const) events.feed('risk', service)
  return feeds.map(({ by }) => by)
}

describe('which log feeds whom', () => {
  test("is each service's own database where nothing is said", () => {
    assert.deepEqual(open({ TIDEGATE_KAFKA_BROKERS: '' }), [
      'its own database, read at GET /internal/feed of cash-flow',
      'its own database, read at GET /internal/feed of membership',
    ])
  })

  test('is Kafka where brokers are named, the rest in a cluster of its own where that is', () => {
    const money = 'topic tidegate.cash-flow.events, Kafka cluster money (a:1, b:2)'
    assert.deepEqual(open({ TIDEGATE_KAFKA_BROKERS: 'a:1, b:2' }), [
      money,
      'topic tidegate.membership.events, Kafka cluster rest (a:1, b:2)',
    ])
    const rest = 'topic tidegate.membership.events, Kafka cluster rest (c:3)'
    assert.deepEqual(open({ TIDEGATE_KAFKA_BROKERS: 'a:1,b:2', TIDEGATE_KAFKA_REST_BROKERS: 'c:3' }), [money, rest])
    const configured = { money: { brokers: ['x:9'] }, rest: { brokers: ['c:3'] } }
    assert.deepEqual(open({ TIDEGATE_KAFKA_BROKERS: 'a:1,b:2' }, configured), [money, rest])
    assert.match(open({}, configured)[0] ?? '', /\(x:9\)$/)
  })

  test('is refused where a broker is none, or the rest is named alone', () => {
    for (const wrong of ['a', 'a:b', 'http://a:1', 'a:1,,b:2'])
      assert.throws(() => open({ TIDEGATE_KAFKA_BROKERS: wrong }), /TIDEGATE_KAFKA_BROKERS: .* is not HOST:PORT/)
    assert.throws(() => open({ TIDEGATE_KAFKA_REST_BROKERS: 'c:3' }), /but not TIDEGATE_KAFKA_BROKERS/)
  })
})
