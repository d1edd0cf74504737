import { type Cidr, formatAddress, parseAddress, type Words } from './cidr.ts'

/**
 * Which owners have an address in one of their ranges: one structure for the ranges of all lists, so that an address is
 * looked up once, however many lists there are. Two ranges of CIDR notation lie apart or one inside the other, so all of
 * them make a forest. The last range that starts at or before an address is in all ranges that have the address: a binary
 * search finds it, and the way up from it, at most 128 steps, passes all of them. Plain typed arrays: a worker can make them.
 */
export type CidrMap = { readonly v4: CidrForest; readonly v6: CidrForest }

/** The ranges of one family, in order of their first address, the wider before the narrower. */
type CidrForest = {
  /** One word for each range in IPv4, four in IPv6. */
  readonly firsts: Uint32Array
  readonly bits: Uint8Array
  /** The narrowest range around each; -1 for none. */
  readonly parents: Int32Array
  /** Where the owners of each begin in `owners`, and where those of the last end. */
  readonly starts: Uint32Array
  readonly owners: Uint32Array
}

/** The owners of the ranges that have the address, the narrowest first. @throws RangeError when the text is no address */
export function ownersOf(map: CidrMap, address: string): readonly number[] {
  const words = parseAddress(address)
  if (words === null) throw new RangeError(`'${address}' is not an IP address`)
  const forest = words.length === 1 ? map.v4 : map.v6
  const { firsts, parents, starts, owners } = forest
  let range = enclosing(forest, lastStartingBy(firsts, words), words)
  if (range < 0) return NONE
  const found: number[] = []
  for (; range >= 0; range = parents[range] ?? -1) {
    for (let at = starts[range] ?? 0; at < (starts[range + 1] ?? 0); at++) found.push(owners[at] ?? 0)
  }
  return found
}

const NONE: readonly number[] = []

/** One address of an owner, the first of a range; null when it has none. Looks through all ranges. */
export function addressOf(map: CidrMap, owner: number): string | null {
  for (const { firsts, starts, owners } of [map.v4, map.v6]) {
    const at = owners.indexOf(owner)
    if (at < 0) continue
    const width = firsts.length / (starts.length - 1)
    const range = starts.findLastIndex((start) => start <= at)
    return formatAddress([...firsts.subarray(range * width, (range + 1) * width)])
  }
  return null
}

/** A map of the ranges that were added, each for its owner: a small whole number of the caller's. */
export function cidrMapBuilder() {
  const v4 = forestBuilder(1)
  const v6 = forestBuilder(4)
  return {
    add({ words, bits }: Cidr, owner: number): void {
      const forest = words.length === 1 ? v4 : v6
      forest.add(words, bits, owner)
    },
    build: (): CidrMap => ({ v4: v4.build(), v6: v6.build() }),
  }
}

function forestBuilder(width: 1 | 4) {
  let firsts = new Uint32Array(width)
  let tags = new Float64Array(1) // owner and bits, in one number so that sorting moves one
  let count = 0
  return {
    add(words: Words, bits: number, owner: number): void {
      if (count === tags.length) {
        firsts = grown(firsts, new Uint32Array(firsts.length * 2))
        tags = grown(tags, new Float64Array(tags.length * 2))
      }
      firsts.set(words, count * width)
      tags[count] = bits * 2 ** 32 + owner
      count += 1
    },
    build(): CidrForest {
      const order = new Uint32Array(count).map((_, index) => index)
      order.sort((a, b) => compareWords(firsts, a, b, width) || (tags[a] ?? 0) - (tags[b] ?? 0))
      return plant(firsts, tags, order, width)
    },
  }
}

/** The forest of entries in their order: those of the same range become one with several owners. */
function plant(firsts: Uint32Array, tags: Float64Array, order: Uint32Array, width: 1 | 4): CidrForest {
  const bitsOf = (entry: number): number => Math.floor((tags[entry] ?? 0) / 2 ** 32)
  const isNewRange = (entry: number, at: number): boolean => {
    const previous = order[at - 1] ?? 0
    return at === 0 || bitsOf(entry) !== bitsOf(previous) || compareWords(firsts, entry, previous, width) !== 0
  }
  const count = order.filter(isNewRange).length
  const forest = {
    firsts: new Uint32Array(count * width),
    bits: new Uint8Array(count),
    parents: new Int32Array(count),
    starts: new Uint32Array(count + 1),
    owners: new Uint32Array(order.length),
  }
  let range = -1
  let owned = 0
  order.forEach((entry, at) => {
    const isNew = isNewRange(entry, at)
    if (isNew) {
      const words = [...firsts.subarray(entry * width, (entry + 1) * width)]
      const parent = enclosing(forest, range, words)
      range += 1
      forest.firsts.set(words, range * width)
      forest.bits[range] = bitsOf(entry)
      forest.parents[range] = parent
      forest.starts[range] = owned
    }
    if (isNew || tags[entry] !== tags[order[at - 1] ?? 0]) {
      forest.owners[owned] = (tags[entry] ?? 0) % 2 ** 32
      owned += 1
    }
  })
  forest.starts[count] = owned
  return { ...forest, owners: forest.owners.slice(0, owned) }
}

/** The narrowest range that has the address, from `range` on its way up; -1 for none. */
function enclosing({ firsts, bits, parents }: CidrForest, from: number, words: Words): number {
  let range = from
  while (range >= 0 && !hasPrefix(firsts, range, bits[range] ?? 0, words)) range = parents[range] ?? -1
  return range
}

/** Whether the first `bits` bits of the address are those of the range. */
function hasPrefix(firsts: Uint32Array, range: number, bits: number, words: Words): boolean {
  for (let word = 0, left = bits; left > 0; word++, left -= 32) {
    const differing = (firsts[range * words.length + word] ?? 0) ^ (words[word] ?? 0)
    if ((left >= 32 ? differing : differing >>> (32 - left)) !== 0) return false
  }
  return true
}

/** The last of the ranges that starts at the address or before it; -1 for none. */
function lastStartingBy(firsts: Uint32Array, words: Words): number {
  const width = words.length
  let low = 0
  let high = firsts.length / width
  while (low < high) {
    const middle = (low + high) >>> 1
    let word = 0
    while (word < width - 1 && firsts[middle * width + word] === words[word]) word += 1
    if ((firsts[middle * width + word] ?? 0) <= (words[word] ?? 0)) low = middle + 1
    else high = middle
  }
  return low - 1
}

function compareWords(firsts: Uint32Array, a: number, b: number, width: 1 | 4): number {
  for (let word = 0; word < width; word++) {
    const difference = (firsts[a * width + word] ?? 0) - (firsts[b * width + word] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function grown<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
