import { batchesOf } from './kafka-batches.ts'
import { closeKafka, type KafkaCluster, type KafkaProducer, openAdmin, openProducer } from './kafka-cluster.ts'
import { securityInWords } from './kafka-security.ts'
import { prepareTopic, type TopicWish } from './kafka-topic.ts'

/** A line of a log that is kept elsewhere, too; `kind`: what it is, told in a header. */
export type Line = { readonly key: string; readonly kind: string; readonly text: string }

/** Where lines go that no service numbers. They may come twice, after who sends them died. */
export type LineSink = {
  readonly whereabouts: string
  /** Settles when all replicas in sync have them. @throws Error where the cluster is away or its topic is unfit */
  send(lines: readonly Line[]): Promise<void>
  close(): Promise<void>
}

/** A topic that is made where it is missing; after an error it is reached anew. */
export function createKafkaLines(cluster: KafkaCluster, wish: TopicWish): LineSink {
  const { topic } = wish
  let producer: KafkaProducer | null = null

  const open = async (): Promise<KafkaProducer> => {
    const admin = await openAdmin(cluster, topic)
    try {
      await prepareTopic(admin, wish)
    } finally {
      await closeKafka(admin)
    }
    return openProducer(cluster, topic)
  }
  const close = async (): Promise<void> => {
    const open = producer
    producer = null
    await closeKafka(open)
  }

  return {
    whereabouts: `topic ${topic}, Kafka cluster ${cluster.name} (${cluster.brokers.join(', ')}; ${securityInWords(cluster.security)})`,
    async send(lines) {
      try {
        producer ??= await open()
        const headers = (kind: string) => ({ 'tidegate-line': kind })
        const messages = lines.map(({ key, kind, text }) => ({ topic, key, value: text, headers: headers(kind) }))
        for (const batch of batchesOf(messages)) await producer.send({ messages: [...batch] })
      } catch (error) {
        await close()
        throw error
      }
    },
    close,
  }
}
