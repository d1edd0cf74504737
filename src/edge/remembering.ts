/** Most requests of a moment come from few clients. Where it is more, all is forgotten: ever new texts fill no memory. */
const TEXTS_MAX = 1_000
const TEXT_CHARS_MAX = 200

/** The same pure function of a short text, with what it said of the last ones at hand. */
export function remembering<Said extends string | boolean>(of: (text: string) => Said): (text: string) => Said {
  const known = new Map<string, Said>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const made = of(text)
    if (text.length > TEXT_CHARS_MAX) return made
    if (known.size >= TEXTS_MAX) known.clear()
    known.set(text, made)
    return made
  }
}
