import type { KafkaConsumer } from './kafka-cluster.ts'

/** A record where it stands in its partition. */
export type Fetched = { readonly partition: number; readonly offset: bigint; readonly value: Buffer | null }
/** The first offset that is kept, and the one that the next record gets. */
export type Bounds = { readonly first: bigint; readonly end: bigint }

/** The partitions of one topic, read at offsets that the reader keeps. */
export interface Partitions {
  /** Which broker leads each partition; asks anew when told to. */
  leaders(anew: boolean): Promise<ReadonlyMap<number, number>>
  bounds(): Promise<ReadonlyMap<number, Bounds>>
  /**
   * Records from these offsets on, of partitions that one broker leads; waits up to `waitMs` for the first one. Of each it is as
   * many as fit into `bytesMax`, or one batch.
   */
  fetch(node: number, from: ReadonlyMap<number, bigint>, waitMs: number, bytesMax: number): Promise<readonly Fetched[]>
}

export function createPartitions(consumer: KafkaConsumer, topic: string): Partitions {
  let topicId: string | null = null
  consumer.topics.track(topic)

  const leaders = async (anew: boolean): Promise<ReadonlyMap<number, number>> => {
    const metadata = await consumer.metadata({ topics: [topic], forceUpdate: anew })
    const found = metadata.topics.get(topic)
    if (found === undefined || found.partitions.length === 0) throw new Error(`there is no topic ${topic}`)
    topicId = found.id
    return new Map([...found.partitions.entries()].map(([partition, { leader }]) => [partition, leader]))
  }

  return {
    leaders,

    async bounds() {
      const first = (await consumer.listOffsets({ topics: [topic], timestamp: -2n })).get(topic) ?? []
      const end = (await consumer.listOffsets({ topics: [topic], timestamp: -1n })).get(topic) ?? []
      return new Map(first.map((offset, partition) => [partition, { first: offset, end: end[partition] ?? offset }]))
    },

    async fetch(node, from, waitMs, bytesMax) {
      if (topicId === null) await leaders(false)
      const partitions = [...from].map(([partition, fetchOffset]) => {
        const place = { partition, fetchOffset, currentLeaderEpoch: -1, lastFetchedEpoch: -1 }
        return { ...place, partitionMaxBytes: bytesMax }
      })
      const topics = [{ topicId: topicId ?? '', partitions }]
      const { responses } = await consumer.fetch({ node, topics, maxWaitTime: waitMs, minBytes: 1 })
      return responses
        .flatMap((answer) => answer.partitions)
        .flatMap(({ partitionIndex: partition, records }) =>
          (records ?? []).flatMap((batch) =>
            batch.records
              .map(({ offsetDelta, value }) => ({ partition, offset: batch.firstOffset + BigInt(offsetDelta), value }))
              // A batch comes whole, though it may begin before what was asked for.
              .filter(({ offset }) => offset >= (from.get(partition) ?? 0n)),
          ),
        )
    },
  }
}
