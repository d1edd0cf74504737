/** Numbers that look random and are the same for the same seed (mulberry32). */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) ^ 0x85ebca6b
  }

  /** From 0 up to 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  is(probability: number): boolean {
    return this.next() < probability
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low)
  }

  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  /** Times between things that happen independently of each other. */
  wait(mean: number): number {
    return -mean * Math.log(1 - this.next())
  }
}

type Happening = { readonly at: number; readonly order: number; call: (() => void) | null }

/** How many things happen between two turns of the real event loop; each has its promises settled before the next. */
const BURST = 128

/** A time of its own, in which things happen one after the other, in an order that the seed alone decides. */
export class World {
  readonly chance: Chance
  now = 0
  readonly #heap: Happening[] = []
  #order = 0

  constructor(seed: number) {
    this.chance = new Chance(seed)
  }

  /** @returns what keeps it from happening */
  after(ms: number, call: () => void): () => void {
    const happening: Happening = { at: this.now + ms, order: this.#order++, call }
    this.#push(happening)
    return () => {
      happening.call = null
    }
  }

  /** Lets happen what happens until then. */
  run(until: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        const first = this.#heap[0]
        if (isDone || first === undefined || first.at > until) {
          if (!isDone) resolve()
          isDone = true
          return
        }
        this.#pop()
        this.now = first.at
        try {
          first.call?.()
        } catch (error) {
          isDone = true
          reject(error)
        }
      }
      let isDone = false
      const burst = (): void => {
        for (let index = 1; index < BURST; index++) setImmediate(step)
        setImmediate(() => {
          step()
          if (!isDone) burst()
        })
      }
      burst()
    })
  }

  #push(happening: Happening): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(happening)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (isBefore(heap[parent] as Happening, happening)) break
      heap[index] = heap[parent] as Happening
      index = parent
    }
    heap[index] = happening
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Happening
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = index * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Happening, heap[child] as Happening)) child++
      if (isBefore(last, heap[child] as Happening)) break
      heap[index] = heap[child] as Happening
      index = child
    }
    heap[index] = last
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
