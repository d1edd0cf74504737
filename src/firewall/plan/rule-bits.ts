/** Rules of a phase, a bit each by their place in it; words of 32 bits, signed. */
export type RuleBits = readonly number[]

export const NO_RULES: RuleBits = []

export function ruleBits(places: Iterable<number>, most: number): RuleBits {
  const bits = new Array<number>(Math.max(1, Math.ceil(most / 32))).fill(0)
  for (const place of places) addRule(bits, place)
  return bits
}

/** The first of them at this place or behind it; -1: there is none. */
export function nextRule(bits: RuleBits, from: number): number {
  let word = from >>> 5
  let left = (bits[word] ?? 0) & (-1 << (from & 31))
  while (left === 0) {
    word += 1
    if (word >= bits.length) return -1
    left = bits[word] ?? 0
  }
  return (word << 5) + 31 - Math.clz32(left & -left)
}

export function hasRule(bits: RuleBits, place: number): boolean {
  return (((bits[place >>> 5] ?? 0) >>> (place & 31)) & 1) === 1
}

export function addRule(bits: number[], place: number): void {
  bits[place >>> 5] = (bits[place >>> 5] ?? 0) | (1 << (place & 31))
}

export function removeRule(bits: number[], place: number): void {
  bits[place >>> 5] = (bits[place >>> 5] ?? 0) & ~(1 << (place & 31))
}

/** Adds what is in `more`. */
export function addRules(bits: number[], more: RuleBits): void {
  for (let word = 0; word < more.length; word++) bits[word] = (bits[word] ?? 0) | (more[word] ?? 0)
}
