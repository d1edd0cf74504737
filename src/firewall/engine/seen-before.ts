/** A power of two. Each takes four bytes. */
const PLACES = 16_384
/** Of a text: what differs in none of them is taken for the same. */
const CHARACTERS_MAX = 256
const FNV_PRIME = 16_777_619

/**
 * Whether a text came lately, by a few bytes for each: what comes but once is not worth remembering, and most of what a memory is
 * offered comes but once. A wrong yes is possible, and costs a place in that memory (the doorkeeper of TinyLFU,
 * https://arxiv.org/abs/1512.00727).
 */
export class SeenBefore {
  readonly #marks = new Int32Array(PLACES)

  /** @returns whether it came before; from now on it did */
  note(text: string): boolean {
    const mark = markOf(text)
    const place = (mark ^ (mark >>> 15)) & (PLACES - 1)
    const isKnown = this.#marks[place] === mark
    this.#marks[place] = mark
    return isKnown
  }
}

/** FNV-1a over the length and so many characters at most, evenly spread; never 0, which is an empty place. */
function markOf(text: string): number {
  const { length } = text
  const step = 1 + Math.floor(length / CHARACTERS_MAX)
  let mark = length
  for (let at = length - 1; at >= 0; at -= step) mark = Math.imul(mark ^ text.charCodeAt(at), FNV_PRIME)
  return mark === 0 ? 1 : mark
}
