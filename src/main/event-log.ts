import type { Environment } from '../platform/addresses.ts'
import type { Config } from '../platform/config-schema.ts'
import type { ServiceName } from '../platform/database.ts'
import { createEmbeddedLog, type EventLog } from '../platform/event-log/event-log.ts'
import { createKafkaLog } from '../platform/event-log/kafka-log.ts'
import type { FeedSource } from '../platform/feed.ts'
import type { Log } from '../platform/log.ts'

/** Who follows whom, and by what. */
export type FeedInUse = { readonly from: ServiceName; readonly to: string; readonly by: string }

const PARTITIONS = 4
const BROKER = /^[^\s,:]+:\d{1,5}$/

/**
 * The log that services meet by: Kafka where brokers are named, by the environment or the configuration, else each service's own
 * database. `embedded` reads from there; what is in use is added to `feeds`.
 * @throws Error on a broker that is none, and on clusters of which one is not named
 */
export function openEventLog(options: {
  readonly config: Pick<Config, 'kafka'>
  readonly environment: Environment
  readonly log: Log
  readonly embedded: (follower: string, service: ServiceName) => FeedSource
  readonly feeds: FeedInUse[]
}): EventLog {
  const { config, environment, log, embedded, feeds } = options
  const money = brokersOf(environment, 'TIDEGATE_KAFKA_BROKERS') ?? config.kafka?.money.brokers ?? null
  const rest = brokersOf(environment, 'TIDEGATE_KAFKA_REST_BROKERS') ?? config.kafka?.rest?.brokers ?? null
  if (money === null && rest !== null)
    throw new Error('TIDEGATE_KAFKA_REST_BROKERS is set, but not TIDEGATE_KAFKA_BROKERS')
  const used =
    money === null
      ? createEmbeddedLog(embedded)
      : createKafkaLog({
          clusters: { money: { name: 'money', brokers: money }, rest: { name: 'rest', brokers: rest ?? money } },
          partitions: config.kafka?.partitions ?? PARTITIONS,
          log,
        })
  return {
    ...used,
    feed(follower, service) {
      feeds.push({ from: service, to: follower, by: used.whereabouts(service) })
      return used.feed(follower, service)
    },
  }
}

function brokersOf(environment: Environment, name: string): readonly string[] | null {
  const text = environment[name] ?? ''
  if (text === '') return null
  const brokers = text.split(',').map((broker) => broker.trim())
  const wrong = brokers.find((broker) => !BROKER.test(broker))
  if (wrong !== undefined) throw new Error(`${name}: ${JSON.stringify(wrong)} is not HOST:PORT`)
  return brokers
}
