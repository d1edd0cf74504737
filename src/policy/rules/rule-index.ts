import type { ListContents } from '../lists/lists.ts'
import type { Dimension, Dimensions, Key } from './dimensions.ts'
import type { Match } from './match.ts'

/**
 * Finds the rules that can apply to a request among very many. They stand in a tree. A node asks one dimension of `match`
 * (the path, the route, the lists that the source is in …) and files each rule under its keys there; rules that do not
 * select by it, or by very many keys, stay in `rest`. The way down takes the branches of the request's keys, and the rest.
 * Each node takes the dimension that leaves fewest rules to look at, so that rules which select by one rare thing are found
 * by it, and rules which select by many common things are found by all of these together. What is found is a superset, in
 * the rules' order: their own predicates decide. Rules with nothing but a `when` can not be told apart: all are found.
 */
export type RuleIndex<Facts, R> = (facts: Facts, now: { readonly tags: readonly string[] }) => Iterable<R>

type Node = readonly number[] | Branching
type Branching = { readonly dimension: number; readonly branches: ReadonlyMap<Key, Node>; readonly rest: Node }

/** A node that asks costs about as much as this many rules that do not match. */
const NODE_COST = 2
/** With more keys in a dimension, a rule is left in the rest: filing it would cost more than it saves. */
const KEYS_MAX = 32
/** How often a rule with several keys in several dimensions stands in the tree, on average. */
const COPIES_MAX = 16
/** How many rules are looked at, for one dimension or for all, before the building pauses. */
const RULES_PER_SLICE = 250

/** Builds the index, pausing often so that requests can go first. */
export function* indexRules<Facts, R extends { readonly match: Match }>(
  rules: readonly R[],
  dimensionsOf: Dimensions<Facts>,
  lists: ListContents,
): Generator<void, RuleIndex<Facts, R>, void> {
  const matches = rules.map(({ match }) => match)
  const dimensions = yield* dimensionsOf(matches, lists)
  const keys = dimensions.map(() => [] as (readonly Key[] | null)[])
  for (const [place, match] of matches.entries()) {
    for (const [dimension, { ofRule }] of dimensions.entries()) {
      const found = ofRule(match)
      keys[dimension]?.push(found === null || found.length > KEYS_MAX ? null : found)
    }
    if (place % RULES_PER_SLICE === RULES_PER_SLICE - 1) yield
  }
  const all = rules.map((_, place) => place)
  const root = yield* plant(
    all,
    dimensions.map((_, dimension) => dimension),
    all.length * COPIES_MAX,
    keys,
    pauseAfter(RULES_PER_SLICE),
  )
  return (facts, now) => new Search(root, rules, dimensions, facts, now)
}

/** The places of rules, in order, that were found in one node, and how many of them lie behind us. */
type Leaf = { readonly places: readonly number[]; passed: number }

const END = { done: true, value: undefined } as const

/** One request's way through the rules that it may meet. An object, and no generator: several are made for each request. */
class Search<Facts, R> implements IterableIterator<R> {
  readonly #root: Node
  readonly #rules: readonly R[]
  readonly #dimensions: readonly Dimension<Facts>[]
  readonly #facts: Facts
  readonly #now: { readonly tags: readonly string[] }
  #tags: readonly string[]
  /** The keys of the facts, by dimension, as far as a node asked for them. */
  #asked: (readonly Key[] | null | undefined)[] = []
  #leaves: Leaf[] = []
  #place = -1

  constructor(
    root: Node,
    rules: readonly R[],
    dimensions: readonly Dimension<Facts>[],
    facts: Facts,
    now: { readonly tags: readonly string[] },
  ) {
    this.#root = root
    this.#rules = rules
    this.#dimensions = dimensions
    this.#facts = facts
    this.#now = now
    this.#tags = now.tags
    this.#collect(root)
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<R, undefined> {
    if (this.#now.tags !== this.#tags) this.#collectAnew() // what stands behind a rule that tags
    this.#place = placeBehind(this.#place, this.#leaves)
    return this.#place < this.#rules.length ? { done: false, value: this.#rules[this.#place] as R } : END
  }

  #collectAnew(): void {
    this.#tags = this.#now.tags
    this.#asked = []
    this.#leaves = []
    this.#collect(this.#root)
  }

  #collect(from: Node): void {
    let node = from
    while ('rest' in node) {
      const { branches } = node
      for (const key of this.#keys(node.dimension) ?? branches.keys()) {
        const branch = branches.get(key)
        if (branch !== undefined) this.#collect(branch)
      }
      node = node.rest
    }
    if (node.length > 0) this.#leaves.push({ places: node, passed: 0 })
  }

  #keys(dimension: number): readonly Key[] | null {
    let keys = this.#asked[dimension]
    if (keys === undefined) {
      keys = this.#dimensions[dimension]?.ofFacts(this.#facts, this.#tags) ?? null
      this.#asked[dimension] = keys
    }
    return keys
  }
}

/** The next of all leaves, which may share places. Lazily: mostly one of the first rules decides. */
function placeBehind(place: number, leaves: readonly Leaf[]): number {
  let next = Number.POSITIVE_INFINITY
  for (const leaf of leaves) {
    const { places } = leaf
    while ((places[leaf.passed] ?? next) <= place) leaf.passed += 1
    next = Math.min(next, places[leaf.passed] ?? next)
  }
  return next
}

type Keys = readonly (readonly (readonly Key[] | null)[])[]

/** @param copiesLeft how many more places than rules the tree below may have */
function* plant(
  places: readonly number[],
  dimensions: readonly number[],
  copiesLeft: number,
  keys: Keys,
  isTired: Pause,
): Generator<void, Node, void> {
  let best: Split | null = null
  for (const dimension of places.length > NODE_COST ? dimensions : []) {
    const split = yield* splitBy(places, dimension, keys, isTired)
    if (split.copies <= copiesLeft && split.cost < (best?.cost ?? places.length)) best = split
  }
  if (best === null) return places
  const { dimension, filed, rest, copies } = best
  const others = dimensions.filter((other) => other !== dimension)
  const share = (copiesLeft - copies) / (places.length + copies)
  const branches = new Map<Key, Node>()
  for (const [key, under] of filed) branches.set(key, yield* plant(under, others, share * under.length, keys, isTired))
  return { dimension, branches, rest: yield* plant(rest, others, share * rest.length, keys, isTired) }
}

/** Counts one rule more: whether it is time to pause. */
type Pause = () => boolean

function pauseAfter(rules: number): Pause {
  let seen = 0
  return () => {
    seen += 1
    return seen % rules === 0
  }
}

type Split = {
  readonly dimension: number
  readonly filed: ReadonlyMap<Key, readonly number[]>
  readonly rest: readonly number[]
  /** How many more places than rules. */
  readonly copies: number
  /** How many rules are left to look at, by a request that has a key as often as rules have it. */
  readonly cost: number
}

function* splitBy(
  places: readonly number[],
  dimension: number,
  keys: Keys,
  isTired: Pause,
): Generator<void, Split, void> {
  const filed = new Map<Key, number[]>()
  const rest: number[] = []
  for (const place of places) {
    if (isTired()) yield
    const own = keys[dimension]?.[place] ?? null
    if (own === null) rest.push(place)
    for (const key of own ?? []) {
      const under = filed.get(key)
      if (under === undefined) filed.set(key, [place])
      else under.push(place)
    }
  }
  let filings = 0
  let squares = 0
  for (const { length } of filed.values()) {
    filings += length
    squares += length * length
  }
  const found = filings === 0 ? 0 : squares / filings
  return {
    dimension,
    filed,
    rest,
    copies: filings + rest.length - places.length,
    cost: NODE_COST + rest.length + found,
  }
}
