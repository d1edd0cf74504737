import { setTimeout as sleep } from 'node:timers/promises'
import type { FeedSource } from '../feed.ts'
import type { Log } from '../log.ts'
import type { Event } from '../outbox.ts'
import { closeKafka, type KafkaConsumer } from './kafka-cluster.ts'
import { createPartitions, type Fetched, type Partitions } from './kafka-partitions.ts'
import { eventIn, seekOffsets } from './kafka-seek.ts'

/** What a partition may send at once, in bytes; so much of each waits in memory at most. */
const PARTITION_BYTES_MAX = 524_288
const PAGE_MAX = 100
const WAIT_MS_MAX = 5_000
/** A batch that reached some partitions and not others is sent again within seconds. */
const GAP_MS_MAX = 30_000

/** Where a reader is. */
type Reading = {
  readonly consumer: KafkaConsumer
  readonly partitions: Partitions
  readonly leaders: ReadonlyMap<number, number>
  /** The first number that is not known to be taken. */
  base: bigint
  /** Events from there on, as far as they have come. */
  readonly events: Map<bigint, Event>
  /** By partition: where to go on, and the newest number that was seen. */
  readonly offsets: Map<number, bigint>
  readonly newest: Map<number, bigint>
  readonly underWay: Map<number, Promise<void>>
  /** Since when later events wait for one that has not come. */
  gapAt: number | null
}

/**
 * Follows a service's topic. Its partitions are put together again by the events' numbers: an event is given out when all
 * before it were, and what comes twice once. A partition that is ahead of the event that is missing is not asked for more.
 */
export function createKafkaFeed(options: {
  readonly open: () => Promise<KafkaConsumer>
  readonly topic: string
  readonly log: Log
}): { readonly source: FeedSource; close(): Promise<void> } {
  const { open, topic, log } = options
  let reading: Reading | null = null
  let fromFirst = false

  const leave = async (): Promise<void> => {
    const left = reading
    reading = null
    await closeKafka(left?.consumer ?? null)
  }

  const begin = async (after: bigint): Promise<Reading> => {
    await leave()
    const consumer = await open()
    try {
      const partitions = createPartitions(consumer, topic)
      const leaders = await partitions.leaders(true)
      const offsets = new Map(await seekOffsets(partitions, leaders, fromFirst ? 0n : after))
      fromFirst = false
      const empty = { events: new Map(), newest: new Map(), underWay: new Map(), gapAt: null }
      return { consumer, partitions, leaders, offsets, base: after + 1n, ...empty }
    } catch (error) {
      await closeKafka(consumer)
      throw error
    }
  }

  const source: FeedSource = async (after, signal) => {
    const end = performance.now() + WAIT_MS_MAX
    try {
      if (reading === null || after + 1n < reading.base) reading = await begin(after)
      forget(reading, after)
      while (!signal.aborted) {
        const events = readyIn(reading)
        if (events.length > 0 || performance.now() >= end) return events
        if (reading.gapAt !== null && performance.now() - reading.gapAt > GAP_MS_MAX) {
          fromFirst = true
          throw new Error(`${topic} has events after ${missingIn(reading)}, but not that one`)
        }
        await more(reading, end - performance.now(), signal, log)
      }
      return []
    } catch (error) {
      await leave()
      throw error
    }
  }
  return { source, close: leave }
}

/** What was taken needs to be kept no longer. */
function forget(reading: Reading, after: bigint): void {
  for (let seq = reading.base; seq <= after; seq++) if (!reading.events.delete(seq) && reading.events.size === 0) break
  reading.base = after + 1n
}

function missingIn({ base, events }: Reading): bigint {
  let seq = base
  while (events.has(seq)) seq++
  return seq
}

function readyIn({ base, events }: Reading): readonly Event[] {
  const ready: Event[] = []
  for (let event = events.get(base); event !== undefined && ready.length < PAGE_MAX; ) {
    ready.push(event)
    event = events.get(base + BigInt(ready.length))
  }
  return ready
}

/** Asks each broker that is not being asked for partitions that may have what is missing, and waits for the first answer. */
async function more(reading: Reading, waitMs: number, signal: AbortSignal, log: Log): Promise<void> {
  const { partitions, leaders, offsets, newest, underWay } = reading
  const missing = missingIn(reading)
  const wanted = Map.groupBy(
    [...offsets].filter(([partition]) => (newest.get(partition) ?? -1n) < missing),
    ([partition]) => leaders.get(partition) ?? -1,
  )
  for (const [node, from] of wanted) {
    if (underWay.has(node)) continue
    const asked = partitions
      .fetch(node, new Map(from), Math.max(0, Math.round(waitMs)), PARTITION_BYTES_MAX)
      .then((records) => take(reading, records, log))
      .finally(() => underWay.delete(node))
    asked.catch(() => {}) // told to whoever waits for it
    underWay.set(node, asked)
  }
  if (underWay.size === 0) throw new Error(`no partition of the topic can have the event ${missing}`)
  const hungUp = new AbortController()
  const over = AbortSignal.any([signal, hungUp.signal])
  try {
    await Promise.race([...underWay.values(), sleep(waitMs, null, { signal: over }).catch(() => null)])
  } finally {
    hungUp.abort()
  }
}

function take(reading: Reading, records: readonly Fetched[], log: Log): void {
  const { events, offsets, newest, base } = reading
  for (const record of records) {
    const { partition, offset } = record
    offsets.set(partition, offset + 1n)
    const event = eventIn(record)
    if (event === null) {
      log.error({ partition, offset: offset.toString() }, 'kafka: a record that is no event of ours is passed over')
      continue
    }
    newest.set(partition, event.seq)
    if (event.seq >= base) events.set(event.seq, event)
  }
  const waits = events.size > 0 && !events.has(base)
  reading.gapAt = waits ? (reading.gapAt ?? performance.now()) : null
}
