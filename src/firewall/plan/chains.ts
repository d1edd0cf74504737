import { type ByteSet, meets, NO_BYTES, union } from '../patterns/byte-set.ts'
import { type Transformation, touchedBy } from '../transformations/index.ts'

/** Transformations one after the other: the last one, and what comes before it. The same ones are the same object. */
export type Chain = {
  /** From 1: 0 is the value as it is. */
  readonly id: number
  readonly before: Chain | null
  readonly name: string
  readonly transformation: Transformation
  /** Bytes without which none of them changes a text; null: any text may change, the empty one too. */
  readonly touches: ByteSet | null
  /** Bytes without which none of them does more to a text than make its letters small; null: any may. */
  readonly alters: ByteSet | null
}

/** Whether transformations may change a text that has these bytes, by what they touch, or alter. */
export function mayChange(by: ByteSet | null, bytes: ByteSet): boolean {
  return by === null || meets(by, bytes)
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
    const touched = touchedBy(name)
    const touches = both(before === null ? NO_BYTES : before.touches, touched)
    const alters = both(before === null ? NO_BYTES : before.alters, name === 'lowercase' ? NO_BYTES : touched)
    const chain: Chain = { id: this.#known.size + 1, before, name, transformation, touches, alters }
    this.#known.set(key, chain)
    return chain
  }
}

function both(one: ByteSet | null, other: ByteSet | null): ByteSet | null {
  return one === null || other === null ? null : union(one, other)
}
