import type { ServiceName } from '../database.ts'
import type { Log } from '../log.ts'
import type { EventLog } from './event-log.ts'
import {
  closeKafka,
  type KafkaCluster,
  type KafkaProducer,
  openAdmin,
  openConsumer,
  openProducer,
} from './kafka-cluster.ts'
import { createKafkaFeed } from './kafka-feed.ts'
import { createKafkaLines } from './kafka-lines.ts'
import { securityInWords } from './kafka-security.ts'
import { prepareTopic, TopicUnfit, type TopicWish, topicOf } from './kafka-topic.ts'
import { startPublisher } from './publisher.ts'

/** On these money depends: what moved, what reviews decided, what is to be paid out. */
const MONEY: ReadonlySet<ServiceName> = new Set(['cash-flow', 'risk', 'settlement'])
const CHECK_MS = 60_000

/** Kafka: each service's events in a topic of its own, those of money in one cluster and all others in the same or another. */
export function createKafkaLog(options: {
  readonly clusters: Readonly<Record<KafkaCluster['name'], KafkaCluster>>
  /** Of topics that are made. */
  readonly partitions: number
  readonly log: Log
  /** How often it is seen whether topics are still fit, in ms. */
  readonly checkMs?: number
}): EventLog {
  const { clusters, partitions, log, checkMs = CHECK_MS } = options
  const closings: (() => Promise<void>)[] = []
  const clusterOf = (service: ServiceName): KafkaCluster => clusters[MONEY.has(service) ? 'money' : 'rest']
  const wishOf = (service: ServiceName): TopicWish => {
    return { topic: topicOf(service), partitions, keepsAll: true, isMoney: MONEY.has(service) }
  }

  /** @returns how many partitions the topic has @throws TopicUnfit; any other error: the cluster is away */
  const prepare = async (service: ServiceName): Promise<number> => {
    const admin = await openAdmin(clusterOf(service), `tidegate-${service}`)
    try {
      return await prepareTopic(admin, wishOf(service))
    } finally {
      await closeKafka(admin)
    }
  }

  return {
    feed(follower, service) {
      const open = () => openConsumer(clusterOf(service), `tidegate-${follower}-follows-${service}`)
      const feed = createKafkaFeed({ open, topic: topicOf(service), log })
      closings.push(feed.close)
      return feed.source
    },

    async publish(told) {
      const { service } = told
      // A cluster that is away holds up no start: what is told waits in the outbox. One that would lose it does.
      await prepare(service).catch((err: unknown) => {
        if (err instanceof TopicUnfit) throw err
        const cluster = clusterOf(service).name
        log.warn({ err, service, cluster }, 'kafka: away; what this service tells waits in its outbox')
      })
      const open = async (): Promise<KafkaProducer> => {
        const present = await prepare(service) // it may have been made anew since
        const used = await told.place.partitions(present)
        if (used < present) log.warn({ service, present, used }, 'kafka: partitions were added, and stay empty')
        return openProducer(clusterOf(service), `tidegate-${service}`, used)
      }
      const check = async (): Promise<void> => {
        await prepare(service).catch((err: unknown) => {
          if (err instanceof TopicUnfit) throw err // of what is away whoever sends is told
        })
      }
      return startPublisher({ told, topic: topicOf(service), open, check, checkMs, log })
    },

    lines: (topic) => createKafkaLines(clusters.rest, { topic, partitions, keepsAll: false, isMoney: false }),

    whereabouts(service) {
      const { name, brokers, security } = clusterOf(service)
      return `topic ${topicOf(service)}, Kafka cluster ${name} (${brokers.join(', ')}; ${securityInWords(security)})`
    },

    async close() {
      await Promise.all(closings.splice(0).map((close) => close()))
    },
  }
}
