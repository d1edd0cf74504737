import { type ByteSet, NO_BYTES, union } from '../patterns/byte-set.ts'
import { type Transformation, touchedBy } from '../transformations/index.ts'

/** Transformations one after the other: the last one, and what comes before it. The same ones are the same object. */
export type Chain = {
  /** From 1: 0 is the value as it is. */
  readonly id: number
  readonly before: Chain | null
  readonly name: string
  readonly transformation: Transformation
  /** Bytes without which none of them changes a text. */
  readonly touches: ByteSet
  /** Bytes without which none of them does more to a text than make its letters small. */
  readonly alters: ByteSet
}

/** The forms that a value has on the way, from as it is to after all of them. */
export function stagesOf(chain: Chain | null): readonly (Chain | null)[] {
  return chain === null ? [null] : [...stagesOf(chain.before), chain]
}

/** Keeps each chain once, so that rules with the same one share what it makes. */
export class Chains {
  readonly #known = new Map<string, Chain>()

  after(before: Chain | null, name: string, transformation: Transformation): Chain {
    const key = `${before?.id ?? 0} ${name}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const touches = union(before?.touches ?? NO_BYTES, touchedBy(name))
    const alters = union(before?.alters ?? NO_BYTES, name === 'lowercase' ? NO_BYTES : touchedBy(name))
    const chain: Chain = { id: this.#known.size + 1, before, name, transformation, touches, alters }
    this.#known.set(key, chain)
    return chain
  }
}
