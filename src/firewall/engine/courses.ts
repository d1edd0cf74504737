import type { Phase } from '../plan/plan.ts'
import { type Reads, readsOf } from '../plan/reads.ts'
import { hasRule, type RuleBits } from '../plan/rule-bits.ts'
import { NOT_REMEMBERED } from './piece.ts'
import type { RequestPieces } from './request-pieces.ts'
import type { Standing } from './standing.ts'
import type { Transaction } from './transaction.ts'

/** One turn on the way to what a phase came to, and where it goes on from there. */
type Turn = {
  readonly next: Map<Key, Turn>
  /** What the rules read that are asked, where the way has told all of these; null: what they do can't be told by it. */
  reads?: Reads | null
  after?: Standing
}
/** First each word of the rules that are asked, then of what they read numbers of pieces, how many there are, or texts. */
type Key = number | string

/** Of all that is kept; a turn, and a standing beside what was set, count as so many. */
const CHARACTERS_MAX = 4_000_000
const TURN_CHARACTERS = 200
const STANDING_CHARACTERS = 500
/** Of one standing. */
const STANDING_CHARACTERS_MAX = 20_000

/**
 * What phases came to that found nothing: where requests stand the same before it, the same rules are asked, and these read
 * the same, they stand the same behind it, and no rule has to be asked again. When there is no more room all is forgotten.
 */
export class Courses {
  readonly #begun: Readonly<Record<Phase, Map<Standing, Turn>>> = { 1: new Map(), 2: new Map() }
  readonly #charactersMax: number
  #characters = 0

  /** @param charactersMax 0: nothing is kept */
  constructor(charactersMax = CHARACTERS_MAX) {
    this.#charactersMax = charactersMax
  }

  /** How the request stands behind the phase; undefined: that has to be found out. */
  find(from: Standing, phase: Phase, asked: RuleBits, pieces: RequestPieces): Standing | undefined {
    let turn = this.#begun[phase].get(from)
    for (let word = 0; word < asked.length; word++) turn = turn?.next.get(asked[word] ?? 0)
    const keys = turn?.reads && keysOf(turn.reads, pieces)
    if (!keys) return undefined
    for (const key of keys) turn = turn?.next.get(key)
    return turn?.after
  }

  /** Of a phase that found nothing and ended nothing. @returns how the request stands now; null: it is not kept */
  keep(
    from: Standing,
    phase: Phase,
    asked: RuleBits,
    pieces: RequestPieces,
    transaction: Transaction,
  ): Standing | null {
    if (this.#charactersMax === 0) return null
    if (this.#characters > this.#charactersMax) this.#forget()
    let turn = this.#turnOf(this.#begun[phase], from)
    for (const word of asked) turn = this.#turnOf(turn.next, word)
    if (turn.reads === undefined) {
      turn.reads = readsOf(transaction.plan.phases[phase].filter((_, place) => hasRule(asked, place)))
    }
    const keys = turn.reads && keysOf(turn.reads, pieces)
    if (keys === null) return null
    const after = transaction.standing()
    const characters = charactersIn(after)
    if (characters > STANDING_CHARACTERS_MAX) return null
    this.#characters += characters
    for (const key of keys) turn = this.#turnOf(turn.next, key)
    turn.after = after
    return after
  }

  #turnOf<K extends Key | Standing>(turns: Map<K, Turn>, key: K): Turn {
    const known = turns.get(key)
    if (known !== undefined) return known
    const made: Turn = { next: new Map() }
    turns.set(key, made)
    this.#characters += TURN_CHARACTERS + (typeof key === 'string' ? key.length : 0)
    return made
  }

  #forget(): void {
    this.#begun[1].clear()
    this.#begun[2].clear()
    this.#characters = 0
  }
}

const HEADERS_MAX = 100
const ABSENT = 0

/** What a request has of what is read; null: it has something that is not remembered, or too much. */
function keysOf(reads: Reads, { line, headers, source, request, hasBody }: RequestPieces): readonly Key[] | null {
  if ((reads.body && hasBody) || headers.length > HEADERS_MAX) return null
  const keys: Key[] = []
  if (reads.method) keys.push(request.method)
  if (reads.protocol) keys.push(request.protocol)
  if (reads.line) keys.push(line.number)
  if (reads.source) keys.push(source.number)
  if (reads.headerNames || reads.headers === 'all') {
    keys.push(headers.length)
    for (const { name } of headers) keys.push(name)
  }
  if (reads.headers === 'all') for (const { number } of headers) keys.push(number)
  else for (const name of reads.headers) keys.push(headers.find((header) => header.name === name)?.number ?? ABSENT)
  return keys.includes(NOT_REMEMBERED) ? null : keys
}

function charactersIn({ tx, collections }: Standing): number {
  return [...collections.values()].reduce(
    (sum, { characters }) => sum + characters,
    STANDING_CHARACTERS + tx.characters,
  )
}
