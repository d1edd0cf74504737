/** What has a place among those that are under way, while it is. */
export type Placed = { place: number }

/**
 * All that is under way at a moment, while thousands come and go in a second. Not a Set: when its table is full of what was
 * deleted V8 makes a new one, and the old one goes on pointing to it and to what was in it. From the first such table in the
 * old generation on, the collector of the young one finds all that follow alive, with every request in them, and copies them.
 */
export class UnderWay<T extends Placed> {
  readonly #all: T[] = []

  /** @param one is not among them */
  add(one: T): void {
    one.place = this.#all.push(one) - 1
  }

  /** @param one is among them */
  delete(one: T): void {
    const last = this.#all.pop()
    if (last === undefined || last === one) return
    last.place = one.place
    this.#all[one.place] = last
  }

  /** From the end, so that one that is deleted while it is looked at makes nobody pass over another. */
  *[Symbol.iterator](): Generator<T, void, void> {
    for (let place = this.#all.length - 1; place >= 0; place--) {
      const one = this.#all[place]
      if (one !== undefined) yield one
    }
  }
}
