import { setTimeout as sleep } from 'node:timers/promises'
import type { ConfigDescription } from '@platformatic/kafka'
import { isKafkaError, type KafkaAdmin } from './kafka-cluster.ts'

/** What a topic is to be. */
export type TopicWish = {
  readonly topic: string
  /** Of a topic that is made. Readers take any number. */
  readonly partitions: number
  /** Whether all that is in it stays: who follows a service begins at its first event, however old that is. */
  readonly keepsAll: boolean
  /** Whether nothing of it may be lost with a broker: of money. */
  readonly isMoney: boolean
}

const REPLICAS_MAX = 3
const ASKED_MAX = 50
const ASK_AGAIN_MS = 100
/** The resource type of the protocol. */
const TOPIC = 2 as const

/** @returns what must hold of a topic's settings, by their names in Kafka */
function settingsOf(
  { keepsAll, isMoney }: TopicWish,
  replicas: number,
): ReadonlyMap<string, (value: string) => string | null> {
  const exactly = (wanted: string) => (value: string) => (value === wanted ? null : `must be ${wanted}`)
  const settings = new Map([['cleanup.policy', exactly('delete')]])
  if (keepsAll) settings.set('retention.ms', exactly('-1')).set('retention.bytes', exactly('-1'))
  if (!isMoney) return settings
  settings.set('unclean.leader.election.enable', exactly('false'))
  if (replicas >= 2) {
    settings.set('min.insync.replicas', (value) => (Number(value) >= 2 ? null : 'must be 2 or more'))
  }
  return settings
}

/** The topic of a service's events. */
export function topicOf(service: string): string {
  return `tidegate.${service}.events`
}

/**
 * Makes the topic where it is missing; one that is there is left as it is, and must be fit. @returns how many partitions it has
 * @throws TopicUnfit that names the setting; any other error: the cluster did not answer
 */
export async function prepareTopic(admin: KafkaAdmin, wish: TopicWish): Promise<number> {
  const { topic, partitions, keepsAll, isMoney } = wish
  const { brokers } = await admin.metadata({ topics: [], forceUpdate: true })
  if (!(await admin.listTopics()).includes(topic)) {
    const replicas = Math.min(REPLICAS_MAX, brokers.size)
    const kept = keepsAll ? { 'retention.ms': '-1', 'retention.bytes': '-1' } : {}
    const sure = isMoney
      ? { 'unclean.leader.election.enable': 'false', 'min.insync.replicas': replicas < 2 ? '1' : '2' }
      : {}
    const configs = Object.entries({ 'cleanup.policy': 'delete', ...kept, ...sure })
    await admin
      .createTopics({
        topics: [topic],
        partitions,
        replicas,
        configs: configs.map(([name, value]) => ({ name, value })),
      })
      .catch(async (error: unknown) => {
        // Another process was first, or the broker that was asked for the list had not heard of it.
        if (!(await isKafkaError(error, 'apiId', 'TOPIC_ALREADY_EXISTS'))) throw error
      })
  }
  return onceKnown(topic, () => requireFit(admin, wish, brokers.size))
}

/** A broker hears of a new topic a little later than the one that made it. */
async function onceKnown(topic: string, ask: () => Promise<number | 'not known'>): Promise<number> {
  for (let asked = 1; asked <= ASKED_MAX; asked++) {
    try {
      const partitions = await ask()
      if (partitions !== 'not known') return partitions
    } catch (error) {
      if (!isUnknownTopic(error) && !(await isKafkaError(error, 'hasStaleMetadata', true))) throw error
    }
    await sleep(ASK_AGAIN_MS)
  }
  throw new Error(`the Kafka topic ${topic} is there, and its brokers have not told of it ${ASKED_MAX} times`)
}

/** Of the library's own errors this one tells by its text alone what the broker said. */
function isUnknownTopic(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Unknown topic ')
}

async function requireFit(admin: KafkaAdmin, wish: TopicWish, brokers: number): Promise<number | 'not known'> {
  const { topic, isMoney } = wish
  const metadata = await admin.metadata({ topics: [topic], forceUpdate: true })
  const partitions = metadata.topics.get(topic)?.partitions ?? []
  if (partitions.length === 0) return 'not known'
  const replicas = Math.min(...partitions.map((partition) => partition.replicas.length))
  if (isMoney && brokers >= 2 && replicas < 2) {
    throw new TopicUnfit(topic, 'replication.factor', String(replicas), `must be 2 or more on ${brokers} brokers`)
  }
  const wanted = settingsOf(wish, replicas)
  const resource = { resourceType: TOPIC, resourceName: topic, configurationKeys: [...wanted.keys()] }
  const described: readonly ConfigDescription[] = await admin.describeConfigs({ resources: [resource] })
  const values = new Map((described[0]?.configs ?? []).map(({ name, value }) => [name, value ?? '']))
  for (const [name, faultOf] of wanted) {
    const value = values.get(name) ?? ''
    const fault = faultOf(value)
    if (fault !== null) throw new TopicUnfit(topic, name, value, fault)
  }
  return partitions.length
}

/** A topic that would lose what must be kept. Nothing is written to it until an operator has set it right. */
export class TopicUnfit extends Error {
  override readonly name = 'TopicUnfit'
  constructor(topic: string, setting: string, value: string, fault: string) {
    super(`the Kafka topic ${topic} is not fit for its events: ${setting} is ${value || 'not set'}, and ${fault}`)
  }
}
