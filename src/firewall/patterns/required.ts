import { type ByteSet, bytesOf, inSmallLetters, sizeOf } from './byte-set.ts'
import type { Node } from './syntax.ts'

/** What every text has that a pattern matches. */
export type Required = {
  /** One of these is in it, in any case; small letters, each of two bytes or more. Null: nothing is known. */
  readonly anyOf: readonly string[] | null
  /** Of each of these sets a byte is in it. */
  readonly bytes: readonly ByteSet[]
}

/** `exact`: all that a node matches, in small letters; null when that is too much. */
type Known = Required & { readonly exact: readonly string[] | null }

const EXACT_MAX = 40
const EXACT_CHARS_MAX = 24
const ANY_OF_MAX = 400
const SET_BYTES_MAX = 12

/** A pattern with more choices than this is taken as one. */
const CHOICES_MAX = 32

/** What a text must have so that the pattern can match it, found before any text is seen: one of these, by the pattern's choices. */
export function requiredOf(node: Node): readonly Required[] {
  const choices = choicesOf(node)
  return (choices.length > CHOICES_MAX ? [node] : choices).map((choice) => {
    const known = know(choice)
    return { anyOf: better(known.anyOf, literals(known.exact)), bytes: known.bytes }
  })
}

function choicesOf(node: Node): readonly Node[] {
  if (node.kind === 'either') return node.options.flatMap(choicesOf)
  if (node.kind === 'group') return choicesOf(node.item)
  const [only, ...others] = node.kind === 'all' ? node.items : []
  return only !== undefined && others.length === 0 ? choicesOf(only) : [node]
}

const NOTHING: Known = { exact: null, anyOf: null, bytes: [] }
const EMPTY: Known = { exact: [''], anyOf: null, bytes: [] }

function know(node: Node): Known {
  switch (node.kind) {
    case 'set':
      return ofSet(node.set)
    case 'all':
      return ofSequence(node.items)
    case 'either':
      return ofOptions(node.options.map(know))
    case 'group':
    case 'atomic':
      return know(node.item)
    case 'repeat': {
      if (node.max === 1 && node.min === 0) return ofOptions([EMPTY, know(node.item)])
      if (node.min === 0) return NOTHING
      const { exact, anyOf, bytes } = know(node.item)
      return { exact: node.min === 1 && node.max === 1 ? exact : null, anyOf: better(anyOf, literals(exact)), bytes }
    }
    case 'place':
    case 'look':
      return EMPTY
    case 'again':
      return NOTHING
  }
}

function ofSet(set: ByteSet): Known {
  const size = sizeOf(set)
  const isSmall = size <= SET_BYTES_MAX * 2
  const small = isSmall ? new Set(bytesOf(set).map((byte) => inSmallLetters(String.fromCharCode(byte)))) : null
  return {
    exact: small !== null && small.size <= SET_BYTES_MAX && size > 0 ? [...small] : null,
    anyOf: null,
    bytes: isTelling(size) ? [set] : [],
  }
}

/** Nearly every text has one of many: asking would cost more than it tells. */
const isTelling = (size: number): boolean => size > 0 && size <= 200

function ofSequence(items: readonly Node[]): Known {
  let exact: readonly string[] | null = ['']
  let run: readonly string[] = ['']
  let anyOf: readonly string[] | null = null
  const bytes: ByteSet[] = []
  for (const item of items) {
    const known = know(item)
    bytes.push(...known.bytes)
    anyOf = better(anyOf, known.anyOf)
    const joined: readonly string[] | null = known.exact === null ? null : crossed(run, known.exact)
    if (joined !== null) {
      run = joined
      if (exact !== null) exact = run
      continue
    }
    anyOf = better(anyOf, literals(run))
    exact = null
    run = known.exact ?? ['']
  }
  return { exact, anyOf: better(anyOf, literals(run)), bytes }
}

function crossed(left: readonly string[], right: readonly string[]): readonly string[] | null {
  if (left.length * right.length > EXACT_MAX) return null
  const all = left.flatMap((head) => right.map((tail) => head + tail))
  return all.every((text) => text.length <= EXACT_CHARS_MAX) ? [...new Set(all)] : null
}

function ofOptions(options: readonly Known[]): Known {
  const exacts = options.map(({ exact }) => exact)
  const exact = exacts.every((each) => each !== null) ? [...new Set(exacts.flat())] : null
  const each = options.map((option) => better(option.anyOf, literals(option.exact)))
  const anyOf = each.every((found) => found !== null) ? [...new Set(each.flat())] : null
  // A byte that is in each option's sets: told only where all options have the same set.
  const [first, ...others] = options
  const shared = (first?.bytes ?? []).filter((set) =>
    others.every(({ bytes }) => bytes.some((other) => other.every((bits, word) => bits === set[word]))),
  )
  return {
    exact: exact !== null && exact.length <= EXACT_MAX * 2 ? exact : null,
    anyOf: anyOf !== null && anyOf.length <= ANY_OF_MAX ? anyOf : null,
    bytes: shared.length > 0 ? shared : merged(options),
  }
}

/** One set with the bytes of the first set of each option, if that is still few bytes. */
function merged(options: readonly Known[]): readonly ByteSet[] {
  const best = options.map(({ bytes }) => smallest(bytes))
  if (!best.every((set) => set !== undefined)) return []
  const all = best.reduce((set, other) => set.map((bits, word) => bits | (other[word] ?? 0)))
  return isTelling(sizeOf(all)) ? [all] : []
}

function smallest(sets: readonly ByteSet[]): ByteSet | undefined {
  return sets.reduce<ByteSet | undefined>(
    (best, set) => (best === undefined || sizeOf(set) < sizeOf(best) ? set : best),
    undefined,
  )
}

/** Literals that are worth looking for: each of two bytes or more. */
function literals(exact: readonly string[] | null): readonly string[] | null {
  return exact !== null && exact.length > 0 && exact.every((text) => text.length >= 2) ? exact : null
}

/** The longer the shortest of them, the fewer texts have one. */
function better(a: readonly string[] | null, b: readonly string[] | null): readonly string[] | null {
  if (a === null || b === null) return a ?? b
  const shortest = (texts: readonly string[]): number => Math.min(...texts.map(({ length }) => length))
  const [ofA, ofB] = [shortest(a), shortest(b)]
  return ofA === ofB ? (a.length <= b.length ? a : b) : ofA > ofB ? a : b
}
