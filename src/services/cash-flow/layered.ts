/**
 * A map over what the batch before has left, which may not be in the store yet: what that batch had in its hands goes before what
 * was read from the store, and what is set here before both.
 */
export class Layered<Value> {
  readonly #own: Map<string, Value>
  readonly #below: ReadonlyMap<string, Value> | null

  constructor(read: Iterable<readonly [string, Value]>, before: Layered<Value> | undefined) {
    this.#below = before === undefined ? null : before.#own
    this.#own = new Map(read)
    if (this.#below === null) return
    for (const key of this.#own.keys()) {
      const left = this.#below.get(key)
      if (left !== undefined) this.#own.set(key, left)
    }
  }

  get(key: string): Value | undefined {
    return this.#own.get(key) ?? this.#below?.get(key)
  }

  set(key: string, value: Value): void {
    this.#own.set(key, value)
  }

  /** What was read and what was set here, as it is now. */
  entries(): Iterable<readonly [string, Value]> {
    return this.#own
  }
}
