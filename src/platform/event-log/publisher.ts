import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'
import type { Event } from '../outbox.ts'
import type { Publisher, Told } from './event-log.ts'
import { eventOnWire, orderKeyOf } from './event-wire.ts'
import { batchesOf } from './kafka-batches.ts'
import { closeKafka, type KafkaProducer } from './kafka-cluster.ts'

const BATCH_MAX = 500
const WAIT_MS = 5_000
/** How often another process looks whether the one that publishes has left or died. */
const LOOK_MS = 1_000
const RETRY_FIRST_MS = 100
const RETRY_LAST_MS = 5_000
/** A cluster that is away for shorter is one whose leader changes. */
const WARN_FROM_MS = 800

/**
 * Takes a service's events to its topic, in order: a batch is acknowledged by all replicas in sync before the place moves on,
 * and one that was not is sent again whole, by a producer that knows nothing of the one before.
 */
export function startPublisher(options: {
  readonly told: Told
  readonly topic: string
  /** Opens a producer to a topic that is fit. */
  readonly open: () => Promise<KafkaProducer>
  /** Comes before what is sent, at most once in `checkMs`. @throws Error where the topic is not fit any more */
  readonly check: () => Promise<void>
  readonly checkMs: number
  readonly log: Log
}): Publisher {
  const { told, topic, open, check, checkMs, log } = options
  const stop = new AbortController()
  const pause = (ms: number) => sleep(ms, null, { signal: stop.signal }).catch(() => null)
  let producer: KafkaProducer | null = null
  let checkedAt = 0

  /** A producer to a topic that was fit a while ago at most. */
  const producerTo = async (): Promise<KafkaProducer> => {
    if (producer === null) producer = await open()
    else if (performance.now() - checkedAt < checkMs) return producer
    else await check()
    checkedAt = performance.now()
    return producer
  }

  /** Publishes from `place` on for as long as the lease is ours. */
  const publishFrom = async (place: bigint, good: () => void): Promise<void> => {
    let from = place
    while (!stop.signal.aborted) {
      const events = await told.read(from, BATCH_MAX, WAIT_MS, stop.signal)
      if (events.length === 0) {
        if ((await told.place.take()) !== from) return
        continue
      }
      const ready = await producerTo()
      for (const batch of batchesOf(events.map((event) => messageOf(topic, event)))) {
        await ready.send({ messages: [...batch] })
        from += BigInt(batch.length) // numbers have no gaps
        if (!(await told.place.advance(from))) return
      }
      good()
    }
  }

  const running = (async () => {
    let retryMs = RETRY_FIRST_MS
    while (!stop.signal.aborted) {
      try {
        const place = await told.place.take()
        if (place === null) await pause(LOOK_MS)
        else
          await publishFrom(place, () => {
            retryMs = RETRY_FIRST_MS
          })
      } catch (err) {
        if (stop.signal.aborted) break
        if (retryMs >= WARN_FROM_MS) log.warn({ err, topic, retryMs }, 'kafka: events are not published; trying again')
        await closeKafka(producer)
        producer = null
        await pause(retryMs)
        retryMs = Math.min(retryMs * 2, RETRY_LAST_MS)
      }
    }
  })()

  return {
    async close() {
      stop.abort()
      await running
      await closeKafka(producer)
      await told.place.leave().catch(() => null) // else it ends by itself
    },
  }
}

function messageOf(topic: string, event: Event) {
  const { type, version } = eventOnWire(event)
  const headers = { 'tidegate-event': type, 'tidegate-event-version': String(version) }
  return { topic, key: orderKeyOf(event), value: JSON.stringify(eventOnWire(event)), headers }
}
