import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, Consumer, Producer } from '@platformatic/kafka'
import type { KafkaSecurity } from '../kafka-config.ts'
import { securityOptions } from './kafka-security.ts'

/** A Kafka cluster, as an operator names it. */
export type KafkaCluster = {
  readonly name: 'money' | 'rest'
  /** `host:port`, some of them: the others are learnt. */
  readonly brokers: readonly string[]
  readonly security: KafkaSecurity
}

/** Longer than a broker takes to be missed by the others and replaced. */
const CALL_MS_MAX = 10_000
const CONNECT_MS_MAX = 2_000

export type KafkaAdmin = Admin
export type KafkaConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>
export type KafkaProducer = Producer<string, string, string, string>

/** What all clients have in common: nothing is tried again by the library, for who calls knows how long it is worth it. */
function optionsOf({ brokers, security }: KafkaCluster, clientId: string) {
  const times = { timeout: CALL_MS_MAX, requestTimeout: CALL_MS_MAX, connectTimeout: CONNECT_MS_MAX }
  const known = { clientId, bootstrapBrokers: [...brokers], retries: 0, autocreateTopics: false }
  return { ...known, ...times, ...securityOptions(security, brokers) }
}

/** The library is loaded when it is needed: most platforms have no Kafka. */
export async function openAdmin(cluster: KafkaCluster, clientId: string): Promise<KafkaAdmin> {
  const { Admin } = await import('@platformatic/kafka')
  return new Admin(optionsOf(cluster, clientId))
}

/** It joins no group: which events were taken is told by the database of whoever takes them. */
export async function openConsumer(cluster: KafkaCluster, clientId: string): Promise<KafkaConsumer> {
  const { Consumer } = await import('@platformatic/kafka')
  return new Consumer({ ...optionsOf(cluster, clientId), groupId: clientId })
}

/**
 * Acknowledged by all replicas in sync; what the client sends twice the broker keeps once. Keys go to the first `partitions` of
 * the topic; to all that it has when left out.
 */
export async function openProducer(
  cluster: KafkaCluster,
  clientId: string,
  partitions = Number.POSITIVE_INFINITY,
): Promise<KafkaProducer> {
  const { defaultPartitioner, Producer, ProduceAcks, stringSerializers } = await import('@platformatic/kafka')
  return new Producer({
    ...optionsOf(cluster, clientId),
    acks: ProduceAcks.ALL,
    idempotent: true,
    serializers: stringSerializers,
    partitioner: (message, key) => defaultPartitioner(message, key) % partitions,
  })
}

/** Closes a client, whatever state its connections are in, and waits no longer than is worth it. */
export async function closeKafka(client: KafkaAdmin | KafkaConsumer | KafkaProducer | null): Promise<void> {
  if (client === null) return
  const closed = 'groupId' in client || 'producerId' in client ? client.close(true) : client.close()
  const over = new AbortController()
  const late = sleep(CONNECT_MS_MAX, null, { signal: over.signal }).catch(() => null)
  await Promise.race([Promise.resolve(closed).catch(() => null), late])
  over.abort()
}

/** Whether the error, or one of those that it holds, has this property with this value. */
export async function isKafkaError(error: unknown, property: string, value: unknown): Promise<boolean> {
  if (!(error instanceof Error)) return false
  const { findErrorBy } = await import('@platformatic/kafka')
  return Boolean(findErrorBy(error, property, value))
}
