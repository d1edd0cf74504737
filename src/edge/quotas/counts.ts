import { randomBytes } from 'node:crypto'
import { roomIn, waitFor } from './window.ts'

/** What a bucket says when it is asked for points. */
export type Taken = {
  readonly taken: boolean
  /** What is left, after this. */
  readonly remaining: number
  /** Until the window ends; or, when refused, until there is room for as much. */
  readonly resetMs: number
}

/** So many points in any window of this length. */
export type Size = { readonly points: number; readonly windowMs: number }

/** Where the keys of one quota are told apart from those of all others. */
export type Space = { readonly a: number; readonly b: number }

/** Buckets in the memory of this process. */
export interface Counts {
  /** The space of a name: the same for as long as the process lives, so counts outlive an edit of the policies. */
  space(name: string): Space
  /** Takes points if they are there. What is refused does not count. */
  take(space: Space, key: string, points: number, size: Size): Taken
  /** Gives points back that were taken for something that then did not happen. */
  giveBack(space: Space, key: string, points: number, size: Size): void
  /** How many buckets were forgotten before they were full again, for want of room. */
  forgotten(): number
}

/** Places in which a key may be: the fuller they are, the more of them must be taken before one is forgotten. */
const WAYS = 16
/** With half of the places free, 7 of 10,000 keys meet a set that is full. */
const PLACES_PER_KEY = 2

/**
 * A table of a fixed size, made at the start: 64 bytes for each of `keysMax`, no timer, no object and no garbage for a key,
 * and no moment at which it grows (a Map of a million stops everything for 40 ms to grow, and for 200 to drop what was
 * deleted). As in a processor's cache a key may be in a few places; where they are all taken, the bucket from which least was
 * taken is forgotten. So who comes with ever new keys drives out his own, not one that is nearly used up.
 *
 * A key is known by 53 bits of its hash and its place by others of it, seeded anew by each process: that two of a million
 * share a bucket happens in one of ten million processes, and refuses too early, never too late.
 */
export function createCounts(keysMax: number, now: () => number): Counts {
  const sets = Math.ceil((keysMax * PLACES_PER_KEY) / WAYS)
  const places = sets * WAYS
  const prints = new Float64Array(places)
  /** When nothing is left of what was counted: two windows after the beginning. */
  const ends = new Float64Array(places)
  const current = new Float64Array(places)
  const before = new Float64Array(places)
  const seed = randomBytes(8)
  const root: Space = { a: seed.readInt32LE(0), b: seed.readInt32LE(4) }
  let forgotten = 0

  /** The place of a key; one that it had to take is empty. */
  function placeOf(space: Space, key: string, time: number): number {
    const { a, b } = hash(space, key)
    const print = (b >>> 0) * 0x20_0000 + (a >>> 11) + 1
    const first = ((a >>> 0) % sets) * WAYS
    let least = first
    let leastUsed = Number.POSITIVE_INFINITY
    for (let place = first; place < first + WAYS; place++) {
      if (prints[place] === print) return place
      const used = (ends[place] as number) <= time ? -1 : (current[place] as number) + (before[place] as number)
      if (used < leastUsed) {
        leastUsed = used
        least = place
      }
    }
    if (leastUsed > 0) forgotten += 1
    prints[least] = print
    ends[least] = 0
    return least
  }

  /** Moves the window on; one in which nothing counts is none. @returns how much of it is over, in milliseconds */
  function turn(place: number, time: number, windowMs: number): number {
    const left = (ends[place] as number) - time // of this window and the next
    const here = current[place] as number
    if (left > windowMs && here + (before[place] as number) > 0) return 2 * windowMs - left
    const isNext = left > 0 && here > 0 // else one begins anew
    before[place] = isNext ? here : 0
    current[place] = 0
    ends[place] = isNext ? (ends[place] as number) + windowMs : time + 2 * windowMs
    return isNext ? windowMs - left : 0
  }

  return {
    space: (name) => hash(root, name),
    take(space, key, points, { points: limit, windowMs }) {
      const time = now()
      const place = placeOf(space, key, time)
      const over = turn(place, time, windowMs)
      const [here, past] = [current[place] as number, before[place] as number]
      const room = roomIn(limit, here, past, over, windowMs)
      if (points > room)
        return { taken: false, remaining: room, resetMs: waitFor(points, limit, here, past, over, windowMs) }
      current[place] = here + points
      return { taken: true, remaining: room - points, resetMs: windowMs - over }
    },
    giveBack(space, key, points, { windowMs }) {
      const time = now()
      const place = placeOf(space, key, time)
      turn(place, time, windowMs)
      if ((current[place] as number) >= points) current[place] = (current[place] as number) - points // else a new window
    },
    forgotten: () => forgotten,
  }
}

/** Murmur's rounds and end, over two words with seeds that nobody else knows: fast, and spread, not secret. */
function hash(seed: Space, text: string): Space {
  let { a, b } = seed
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    a = Math.imul(a ^ unit, 0x85ebca6b)
    b = Math.imul(b ^ unit, 0xc2b2ae35)
    a ^= a >>> 15
    b ^= b >>> 13
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35)
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35)
  return { a, b }
}
