/** So many literals of one length are compared with a text one after the other. */
const COMPARED_MAX = 8

type Entry<Value> = { readonly literal: string; readonly value: Value }
type OfOneLength<Value> = { readonly few: Entry<Value>[]; many: Map<string, Value> | null }

/**
 * Few literals, asked for texts that were cut from a request just now. V8 looks a text up in a Map only once it has entered it
 * among all texts that it knows, which takes longer than to compare it with the few literals of its length.
 */
export class LiteralMap<Value> {
  readonly #byLength = new Map<number, OfOneLength<Value>>()

  get(text: string): Value | undefined {
    const ofLength = this.#byLength.get(text.length)
    if (ofLength === undefined) return undefined
    if (ofLength.many !== null) return ofLength.many.get(text)
    for (const { literal, value } of ofLength.few) if (literal === text) return value
    return undefined
  }

  /** What stands there, put there first where nothing does. */
  at(literal: string, made: () => Value): Value {
    const known = this.get(literal)
    if (known !== undefined) return known
    const value = made()
    const { length } = literal
    const ofLength = this.#byLength.get(length) ?? { few: [], many: null }
    this.#byLength.set(length, ofLength)
    if (ofLength.many === null) ofLength.few.push({ literal, value })
    else ofLength.many.set(literal, value)
    if (ofLength.few.length > COMPARED_MAX) {
      ofLength.many = new Map(ofLength.few.map((each) => [each.literal, each.value]))
      ofLength.few.length = 0
    }
    return value
  }
}
