import { assert } from '../../kernel/assert.ts'
import type { Steps } from '../patterns/backtrack.ts'
import type { Phase, Plan } from '../plan/plan.ts'
import type { Collections } from './collections.ts'
import { type Concern, concernOf } from './concerns.ts'
import type { PieceKind } from './pieces.ts'
import { SeenBefore } from './seen-before.ts'

/** The number of a piece that is not remembered. */
export const NOT_REMEMBERED = -1

/** A piece of requests, under its name where it has one, and which rules it concerns: found out once for each phase. */
export class Piece {
  readonly kinds: readonly PieceKind[]
  readonly name: string
  readonly text: string
  /** From 1; another one never has the same. */
  number = NOT_REMEMBERED
  /** Null as soon as nobody will ask for them. */
  #values: Collections | null
  readonly #concerns: Record<Phase, Concern | null> = { 1: null, 2: null }

  /** @param values of a request that has nothing but this piece */
  constructor(kinds: readonly PieceKind[], name: string, text: string, values: Collections) {
    this.kinds = kinds
    this.name = name
    this.text = text
    this.#values = values
  }

  /** @throws OutOfSteps */
  concern(phase: Phase, plan: Plan, steps: Steps): Concern {
    const known = this.#concerns[phase]
    if (known !== null) return known
    assert(this.#values !== null, 'a piece has its values until both phases know it')
    const found = concernOf(this.#values, this.kinds, plan, phase, steps)
    this.#concerns[phase] = found
    if (this.#concerns[1] !== null && this.#concerns[2] !== null) this.#values = null
    return found
  }
}

/** Of one generation. */
const PIECES_MAX = 4_000
const CHARACTERS_MAX = 1_000_000
/** A token is shorter. */
const PIECE_CHARACTERS_MAX = 4_096

/** Pieces that came lately, by name and text; in generations, as texts are. */
export class PieceMemory {
  #young = new Map<string, Map<string, Piece>>()
  #old: ReadonlyMap<string, ReadonlyMap<string, Piece>> = new Map()
  #pieces = 0
  #characters = 0
  #last = 0
  readonly #seen = new SeenBefore()

  find(name: string, text: string): Piece | undefined {
    const known = this.#young.get(name)?.get(text)
    if (known !== undefined) return known
    const old = this.#old.get(name)?.get(text)
    if (old !== undefined) this.#put(old)
    return old
  }

  /** @returns the same, with a number where it is remembered */
  keep(piece: Piece): Piece {
    if (piece.name.length + piece.text.length > PIECE_CHARACTERS_MAX) return piece
    if (!this.#seen.note(piece.text)) return piece
    this.#last += 1
    piece.number = this.#last
    this.#put(piece)
    return piece
  }

  #put(piece: Piece): void {
    const { name, text } = piece
    this.#pieces += 1
    this.#characters += name.length + text.length
    if (this.#pieces > PIECES_MAX || this.#characters > CHARACTERS_MAX) {
      this.#old = this.#young
      this.#young = new Map()
      this.#pieces = 1
      this.#characters = name.length + text.length
    }
    const named = this.#young.get(name)
    if (named === undefined) this.#young.set(name, new Map([[text, piece]]))
    else named.set(text, piece)
  }
}
