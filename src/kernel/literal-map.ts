/** So many literals that look alike are compared with a text one after the other. */
const COMPARED_MAX = 8
const UNIT_BITS = 7
const UNIT = (1 << UNIT_BITS) - 1

type Entry<Value> = { readonly literal: string; readonly value: Value }
type Alike<Value> = { readonly few: Entry<Value>[]; many: Map<string, Value> | null }

/**
 * Literals, asked for texts that were cut from a request just now. V8 looks a text up in a Map only once it has entered it
 * among all texts that it knows, which takes longer than to compare it with the few literals that look like it.
 */
export class LiteralMap<Value> {
  readonly #byLook = new Map<number, Alike<Value>>()

  get(text: string): Value | undefined {
    const alike = this.#byLook.get(lookOf(text))
    if (alike === undefined) return undefined
    if (alike.many !== null) return alike.many.get(text)
    for (const { literal, value } of alike.few) if (literal === text) return value
    return undefined
  }

  /** What stands there, put there first where nothing does. */
  at(literal: string, made: () => Value): Value {
    const known = this.get(literal)
    if (known !== undefined) return known
    const value = made()
    const look = lookOf(literal)
    const alike = this.#byLook.get(look) ?? { few: [], many: null }
    this.#byLook.set(look, alike)
    if (alike.many === null) alike.few.push({ literal, value })
    else alike.many.set(literal, value)
    if (alike.few.length > COMPARED_MAX) {
      alike.many = new Map(alike.few.map((each) => [each.literal, each.value]))
      alike.few.length = 0
    }
    return value
  }
}

/** Length, first, middle and last character, as much of them as makes a small integer: a Map finds one without hashing a text. */
function lookOf(text: string): number {
  const { length } = text
  const first = text.charCodeAt(0) & UNIT
  const middle = text.charCodeAt(length >> 1) & UNIT
  const last = text.charCodeAt(length - 1) & UNIT
  return ((((length & UNIT) << UNIT_BITS) | first) << (2 * UNIT_BITS)) | (middle << UNIT_BITS) | last
}
