import type { Environment } from '../platform/addresses.ts'
import type { Config } from '../platform/config-schema.ts'
import type { ServiceName } from '../platform/database.ts'
import { createEmbeddedLog, type EventLog } from '../platform/event-log/event-log.ts'
import { createKafkaLog } from '../platform/event-log/kafka-log.ts'
import { securityOptions } from '../platform/event-log/kafka-security.ts'
import type { FeedSource } from '../platform/feed.ts'
import { type KafkaConfig, kafkaSecurityFault } from '../platform/kafka-config.ts'
import type { Log } from '../platform/log.ts'

/** Who follows whom, and by what. */
export type FeedInUse = { readonly from: ServiceName | 'edge'; readonly to: string; readonly by: string }

const PARTITIONS = 4
const MONEY_BROKERS = 'TIDEGATE_KAFKA_BROKERS'
const REST_BROKERS = 'TIDEGATE_KAFKA_REST_BROKERS'
const OF_SCRIPTS = ['TIDEGATE_KAFKA_JARS', 'TIDEGATE_KAFKA_FOLDER']
const KNOWN: ReadonlySet<string> = new Set([MONEY_BROKERS, REST_BROKERS, ...OF_SCRIPTS])
const BROKER = /^[^\s,:]+:\d{1,5}$/

/**
 * The log that services meet by: Kafka where brokers are named, by the environment or the configuration, else each service's own
 * database. `embedded` reads from there; what is in use is added to `feeds`.
 * @throws Error on a broker that is none, on clusters of which one is not named, and where it is not sure how to speak to one
 */
export function openEventLog(options: {
  readonly config: Pick<Config, 'kafka'>
  readonly environment: Environment
  readonly log: Log
  readonly embedded: (follower: string, service: ServiceName) => FeedSource
  readonly feeds: FeedInUse[]
}): EventLog {
  const { config, environment, log, embedded, feeds } = options
  refuseUnknown(environment)
  const clusters = clustersOf(config.kafka, environment)
  const partitions = config.kafka?.partitions ?? PARTITIONS
  const used = clusters === null ? createEmbeddedLog(embedded) : createKafkaLog({ clusters, partitions, log })
  return {
    ...used,
    feed(follower, service) {
      feeds.push({ from: service, to: follower, by: used.whereabouts(service) })
      return used.feed(follower, service)
    },
    lines(topic) {
      const sink = used.lines(topic)
      if (sink !== null) feeds.push({ from: 'edge', to: 'whoever reads its decisions', by: sink.whereabouts })
      return sink
    },
  }
}

/** Of each cluster the environment may name the brokers; how they are spoken to says the configuration. */
function clustersOf(kafka: KafkaConfig | undefined, environment: Environment) {
  const [ofMoney, ofRest] = [brokersOf(environment, MONEY_BROKERS), brokersOf(environment, REST_BROKERS)]
  const money = clusterOf('money', kafka?.money, ofMoney)
  if (ofRest !== null && kafka?.rest === undefined && (kafka?.money.tls ?? null) !== null)
    throw new Error(`${REST_BROKERS} is set, and how they are spoken to is not: name them under kafka.rest`)
  const rest = clusterOf('rest', kafka?.rest, ofRest)
  if (money === null && rest !== null) throw new Error(`${REST_BROKERS} is set, but not ${MONEY_BROKERS}`)
  return money === null ? null : { money, rest: rest ?? ({ ...money, name: 'rest' } as const) }
}

function clusterOf<Name extends 'money' | 'rest'>(
  name: Name,
  configured: KafkaConfig['money'] | undefined,
  named: readonly string[] | null,
) {
  if (configured === undefined) return named === null ? null : { name, brokers: named, security: {} }
  const { brokers, ...security } = configured
  const fault = kafkaSecurityFault(security)
  if (fault !== null) throw new Error(`kafka.${name}: ${fault}`)
  securityOptions(security, brokers) // a file that is not there is told at the start
  return { name, brokers: named ?? brokers, security }
}

/** Who sets a variable that nobody reads may think that it protects something. */
function refuseUnknown(environment: Environment): void {
  const unknown = Object.keys(environment).filter((name) => name.startsWith('TIDEGATE_KAFKA_') && !KNOWN.has(name))
  if (unknown.length > 0)
    throw new Error(`${unknown.join(', ')}: not known; TLS and login stand in the configuration, under \`kafka\``)
}

function brokersOf(environment: Environment, name: string): readonly string[] | null {
  const text = environment[name] ?? ''
  if (text === '') return null
  const brokers = text.split(',').map((broker) => broker.trim())
  const wrong = brokers.find((broker) => !BROKER.test(broker))
  if (wrong !== undefined) throw new Error(`${name}: ${JSON.stringify(wrong)} is not HOST:PORT`)
  return brokers
}
