import type { Event } from '../outbox.ts'
import { checkWireEvent, eventOfWire } from './event-wire.ts'
import type { Bounds, Fetched, Partitions } from './kafka-partitions.ts'

/** A probe is after one record, and gets its batch. */
const PROBE_BYTES_MAX = 1

/** The event in a record; null where it is none of ours. */
export function eventIn({ value }: Pick<Fetched, 'value'>): Event | null {
  if (value === null) return null
  try {
    const checked = checkWireEvent(JSON.parse(value.toString('utf8')))
    return checked.ok ? eventOfWire(checked.value) : null
  } catch {
    return null
  }
}

/**
 * Where to begin in each partition to see every event numbered above `after`. Within a partition numbers rise, but where a
 * publisher began again with what its forerunner had sent: it goes on from a place before the end, so whichever offset has a
 * number above and, just before it, one that is not, everything above stands from there on.
 */
export async function seekOffsets(
  partitions: Partitions,
  leaders: ReadonlyMap<number, number>,
  after: bigint,
): Promise<ReadonlyMap<number, bigint>> {
  const bounds = await partitions.bounds()
  const found = new Map<number, bigint>()
  for (const [partition, leader] of leaders) {
    const { first, end } = bounds.get(partition) ?? { first: 0n, end: 0n }
    const isAbove = async (offset: bigint): Promise<boolean> => {
      const from = new Map([[partition, offset]])
      const records = await partitions.fetch(leader, from, 0, PROBE_BYTES_MAX)
      const event = records.map(eventIn).find((each) => each !== null)
      return event === undefined || event.seq > after
    }
    found.set(partition, after === 0n ? first : await firstAbove({ first, end }, isAbove))
  }
  return found
}

async function firstAbove({ first, end }: Bounds, isAbove: (offset: bigint) => Promise<boolean>): Promise<bigint> {
  let [low, high] = [first, end]
  while (low < high) {
    const middle = (low + high) / 2n
    if (await isAbove(middle)) high = middle
    else low = middle + 1n
  }
  return low
}
