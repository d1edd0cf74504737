import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type FeedInUse, openEventLog } from '../../src/main/event-log.ts'
import type { Config } from '../../src/platform/config-schema.ts'
import { createLog } from '../../src/platform/log.ts'
import { pemPath } from '../support/certificates.ts'

type Cluster = NonNullable<Config['kafka']>['money']

const log = createLog('silent')
const open = (environment: Record<string, string>, kafka?: Config['kafka']) => {
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
    const money = 'topic tidegate.cash-flow.events, Kafka cluster money (a:1, b:2; without TLS)'
    assert.deepEqual(open({ TIDEGATE_KAFKA_BROKERS: 'a:1, b:2' }), [
      money,
      'topic tidegate.membership.events, Kafka cluster rest (a:1, b:2; without TLS)',
    ])
    const rest = 'topic tidegate.membership.events, Kafka cluster rest (c:3; without TLS)'
    assert.deepEqual(open({ TIDEGATE_KAFKA_BROKERS: 'a:1,b:2', TIDEGATE_KAFKA_REST_BROKERS: 'c:3' }), [money, rest])
    const configured = { money: { brokers: ['x:9'] }, rest: { brokers: ['c:3'] } }
    assert.deepEqual(open({ TIDEGATE_KAFKA_BROKERS: 'a:1,b:2' }, configured), [money, rest])
    assert.match(open({}, configured)[0] ?? '', /\(x:9; without TLS\)$/)
  })

  test('is refused where a broker is none, or the rest is named alone', () => {
    for (const wrong of ['a', 'a:b', 'http://a:1', 'a:1,,b:2'])
      assert.throws(() => open({ TIDEGATE_KAFKA_BROKERS: wrong }), /TIDEGATE_KAFKA_BROKERS: .* is not HOST:PORT/)
    assert.throws(() => open({ TIDEGATE_KAFKA_REST_BROKERS: 'c:3' }), /but not TIDEGATE_KAFKA_BROKERS/)
  })
  test('is spoken to as the configuration says, whoever names the brokers', () => {
    const tls = { ca_file: pemPath('server.crt') }
    const login = { mechanism: 'PLAIN', username: 'tidegate', password_file: pemPath('server.key') } as const
    const money = { brokers: ['x:9'], tls, login }
    assert.deepEqual(open({ TIDEGATE_KAFKA_BROKERS: 'a:1' }, { money, rest: { brokers: ['c:3'], tls } }), [
      'topic tidegate.cash-flow.events, Kafka cluster money (a:1; TLS, as tidegate)',
      'topic tidegate.membership.events, Kafka cluster rest (c:3; TLS)',
    ])
    assert.match(open({}, { money })[1] ?? '', /cluster rest \(x:9; TLS, as tidegate\)$/)
  })

  test('is refused where it is not sure how to speak to it', () => {
    const tls = { ca_file: pemPath('server.crt') }
    const login = { mechanism: 'PLAIN', username: 'tidegate', password_file: '/none' } as const
    const refused = (environment: Record<string, string>, money: Omit<Cluster, 'brokers'>, why: RegExp) =>
      assert.throws(() => open(environment, { money: { brokers: ['x:9'], ...money } }), why)
    refused({}, { login }, /kafka\.money: `login` needs `tls`/)
    refused({}, { tls: { key_file: pemPath('server.key') } }, /`certificate_file` and `key_file` go together/)
    refused({}, { tls: { ca_file: '/none' } }, /the file \/none of Kafka's TLS can not be read/)
    refused({}, { tls, login }, /the secret file \/none can not be read/)
    refused({ TIDEGATE_KAFKA_REST_BROKERS: 'c:3' }, { tls }, /name them under kafka\.rest/)
    assert.throws(() => open({ TIDEGATE_KAFKA_TLS: 'true' }), /TIDEGATE_KAFKA_TLS: not known; TLS and login stand in/)
  })
})
