import type { Required } from '../patterns/required.ts'
import type { Filter, Plan } from './plan.ts'

/** The literals of all operators, each with those that ask for it. */
export class Owners {
  readonly literals = new Map<string, number[]>()
  readonly #known = new Map<string, number>()

  get size(): number {
    return this.#known.size
  }

  /** Null where every text may match. */
  filterOf(required: readonly Required[] | null): Filter | null {
    if (required === null || required.some(({ anyOf, bytes }) => anyOf === null && bytes.length === 0)) return null
    return required.map(({ anyOf, bytes }) => ({ owner: anyOf === null ? null : this.#ownerOf(anyOf), bytes }))
  }

  /** The literals that these rules ask for. */
  usedBy(phases: Plan['phases']): ReadonlyMap<string, readonly number[]> {
    const links = [...phases[1], ...phases[2]].flatMap((rule) => rule.links)
    const used = new Set(links.flatMap(({ filter }) => filter?.map(({ owner }) => owner) ?? []))
    const kept = [...this.literals].map(
      ([literal, owners]) => [literal, owners.filter((owner) => used.has(owner))] as const,
    )
    return new Map(kept.filter(([, owners]) => owners.length > 0))
  }

  #ownerOf(anyOf: readonly string[]): number {
    const key = anyOf.join('\0')
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const owner = this.#known.size
    this.#known.set(key, owner)
    for (const literal of anyOf) {
      const owners = this.literals.get(literal)
      if (owners === undefined) this.literals.set(literal, [owner])
      else owners.push(owner)
    }
    return owner
  }
}
