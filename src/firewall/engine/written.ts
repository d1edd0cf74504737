import type { PlannedTarget } from '../plan/plan.ts'

/** What a collection has from the beginning, for all requests; keys in small letters. */
export class Settings {
  readonly texts: ReadonlyMap<string, string>
  readonly #meant = new Map<number, readonly string[]>()

  constructor(texts: ReadonlyMap<string, string>) {
    this.texts = texts
  }

  /** Those of its keys that a target means, as `isMeant` tells the first time. */
  meantBy({ id }: PlannedTarget, isMeant: (key: string) => boolean): readonly string[] {
    if (this.texts.size === 0) return []
    const known = this.#meant.get(id)
    if (known !== undefined) return known
    const meant = [...this.texts.keys()].filter(isMeant)
    this.#meant.set(id, meant)
    return meant
  }
}

/** A collection that rules write, of one request: what they set stands over what was there. */
export class Written {
  readonly #settings: Settings
  readonly #set = new Map<string, string>()
  /** What was there and is taken out; null: nothing. */
  #gone: Set<string> | null = null

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** The same, to be written on. */
  copy(): Written {
    const copy = new Written(this.#settings)
    for (const [key, text] of this.#set) copy.#set.set(key, text)
    if (this.#gone !== null) copy.#gone = new Set(this.#gone)
    return copy
  }

  /** How many characters rules have set. */
  get characters(): number {
    let characters = 0
    for (const [key, text] of this.#set) characters += key.length + text.length
    return characters
  }

  /** How many keys rules have set. */
  get size(): number {
    return this.#set.size
  }

  get(key: string): string | undefined {
    const text = this.#set.get(key)
    return text !== undefined || this.#gone?.has(key) === true ? text : this.#settings.texts.get(key)
  }

  set(key: string, text: string): void {
    this.#set.set(key, text)
  }

  delete(key: string): void {
    this.#set.delete(key)
    if (!this.#settings.texts.has(key)) return
    this.#gone ??= new Set()
    this.#gone.add(key)
  }

  /** The keys that a target means: those from the beginning, then those that were set, each in their order. */
  meantBy(target: PlannedTarget, isMeant: (key: string) => boolean): readonly string[] {
    const gone = this.#gone
    const known = this.#settings.meantBy(target, isMeant)
    const meant = gone === null ? [...known] : known.filter((key) => !gone.has(key))
    for (const key of this.#set.keys()) {
      const isThere = this.#settings.texts.has(key) && gone?.has(key) !== true
      if (!isThere && isMeant(key)) meant.push(key)
    }
    return meant
  }

  /** All that is in it. */
  texts(): ReadonlyMap<string, string> {
    const gone = this.#gone
    return new Map(
      [...this.#settings.texts, ...this.#set].filter(([key]) => this.#set.has(key) || gone?.has(key) !== true),
    )
  }
}
