import { type ByteSet, NO_BYTES } from './byte-set.ts'

/** What one pass over a text found. */
export type Found = {
  /** The bytes that are in the text. */
  readonly bytes: ByteSet
  /** A bit for each owner of a literal that is in the text; null: there is none, as in most texts. */
  readonly owners: Uint32Array | null
}

const NOTHING_FOUND: Found = { bytes: NO_BYTES, owners: null }

export function hasOwner({ owners }: Found, owner: number): boolean {
  return owners !== null && (((owners[owner >>> 5] ?? 0) >>> (owner & 31)) & 1) === 1
}

/** What several texts have, together. */
export function together(all: readonly Found[]): Found {
  const [first] = all
  if (all.length <= 1) return first ?? NOTHING_FOUND
  const bytes = [...NO_BYTES]
  let owners: Uint32Array | null = null
  let isShared = true
  for (const found of all) {
    for (let word = 0; word < bytes.length; word++) bytes[word] = (bytes[word] ?? 0) | (found.bytes[word] ?? 0)
    if (found.owners === null) continue
    if (owners === null) owners = found.owners
    else {
      if (isShared) owners = owners.slice()
      isShared = false
      for (let word = 0; word < owners.length; word++) owners[word] = (owners[word] ?? 0) | (found.owners[word] ?? 0)
    }
  }
  return { bytes, owners }
}

/**
 * Looks for many literals at once (Aho and Corasick, 1975), whatever their case: one step for each byte of the text, however
 * many literals there are. Built once; texts are bytes, a character each.
 */
export class LiteralMatcher {
  readonly #classOf: Uint8Array
  readonly #classes: number
  readonly #next: Int32Array
  /** For each state the owners of the literals that end in it; null where none does. */
  readonly #ends: readonly (readonly number[] | null)[]
  readonly #ownerWords: number

  constructor(literals: ReadonlyMap<string, readonly number[]>, owners: number) {
    this.#ownerWords = Math.max(1, Math.ceil(owners / 32))
    const { classOf, classes } = classesOf(literals.keys())
    const { next, ends, states } = trieOf(literals, classOf, classes)
    link(next, ends, states, classes)
    this.#classOf = classOf
    this.#classes = classes
    this.#next = next.subarray(0, states * classes).slice()
    this.#ends = ends
  }

  find(text: string): Found {
    const bytes = [...NO_BYTES]
    let owners: Uint32Array | null = null
    const classOf = this.#classOf
    const next = this.#next
    const classes = this.#classes
    let state = 0
    for (let at = 0; at < text.length; at++) {
      const byte = text.charCodeAt(at) & 255
      bytes[byte >>> 5] = (bytes[byte >>> 5] ?? 0) | (1 << (byte & 31))
      state = next[state * classes + (classOf[byte] ?? 0)] ?? 0
      const ends = this.#ends[state]
      if (ends !== null && ends !== undefined) {
        owners ??= new Uint32Array(this.#ownerWords)
        for (const owner of ends) owners[owner >>> 5] = (owners[owner >>> 5] ?? 0) | (1 << (owner & 31))
      }
    }
    return { bytes, owners }
  }
}

/** Bytes that no literal has are one class, and the two cases of a letter another. */
function classesOf(literals: Iterable<string>): { readonly classOf: Uint8Array; readonly classes: number } {
  const classOf = new Uint8Array(256)
  let classes = 1
  for (const literal of literals) {
    for (const character of literal) {
      const byte = character.charCodeAt(0) & 255
      if (classOf[byte] !== 0) continue
      classOf[byte] = classes
      classes += 1
    }
  }
  for (let upper = 0x41; upper <= 0x5a; upper++) classOf[upper] = classOf[upper + 32] ?? 0
  return { classOf, classes }
}

function trieOf(literals: ReadonlyMap<string, readonly number[]>, classOf: Uint8Array, classes: number) {
  const most = 1 + [...literals.keys()].reduce((sum, { length }) => sum + length, 0)
  const next = new Int32Array(most * classes).fill(-1)
  const ends: (readonly number[] | null)[] = [null]
  let states = 1
  for (const [literal, owners] of literals) {
    let state = 0
    for (const character of literal) {
      const edge = state * classes + (classOf[character.charCodeAt(0) & 255] ?? 0)
      if (next[edge] === -1) {
        next[edge] = states
        ends.push(null)
        states += 1
      }
      state = next[edge] ?? 0
    }
    ends[state] = [...new Set([...(ends[state] ?? []), ...owners])]
  }
  return { next, ends, states }
}

/** Fills in where each state goes on when its literal does not, breadth first. */
function link(next: Int32Array, ends: (readonly number[] | null)[], states: number, classes: number): void {
  const fallback = new Int32Array(states)
  const queue: number[] = []
  for (let symbol = 0; symbol < classes; symbol++) {
    const child = next[symbol] ?? -1
    if (child === -1) next[symbol] = 0
    else queue.push(child)
  }
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head] ?? 0
    const back = fallback[state] ?? 0
    const inherited = ends[back]
    if (inherited) ends[state] = [...new Set([...(ends[state] ?? []), ...inherited])]
    for (let symbol = 0; symbol < classes; symbol++) {
      const child = next[state * classes + symbol] ?? -1
      const onward = next[back * classes + symbol] ?? 0
      if (child === -1) next[state * classes + symbol] = onward
      else {
        fallback[child] = onward
        queue.push(child)
      }
    }
  }
}
