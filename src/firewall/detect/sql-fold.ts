import type { SqlToken, SqlTokens } from './sql-tokens.ts'
import { kindOfPhrase } from './sql-words.ts'

/** As many words as a shape has. */
const SHAPE_TOKENS = 5
const PHRASE_CHARACTERS = 31

const isUnary = ({ kind, text }: SqlToken): boolean => kind === 'o' && /^(?:[-+!~]|!!|not)$/i.test(text)
const isArithmetic = ({ kind, text }: SqlToken): boolean => kind === 'o' && /^[-+*/%]$/.test(text)
const isOf = (kinds: string, { kind }: SqlToken): boolean => kinds.includes(kind)

/** Names that are calls where a parenthesis follows. */
const CALLED = /^(?:user(?:_id|_name)?|database|password|current_(?:user|date|time|timestamp)|localtime(?:stamp)?)$/i

/**
 * The shape of a statement: its first words, as many as a shape has, when all that makes no difference is folded together, such
 * as `1+1`, doubled parentheses and comments between words. It folds what libinjection folds, in its order, for which words are
 * left, and so what is an attack, hangs on it.
 */
export function foldSql(tokens: SqlTokens): readonly SqlToken[] {
  const kept: SqlToken[] = []
  let left = 0
  let comment: SqlToken | null = null
  let isMore = true
  const gather = (count: number): boolean => {
    while (isMore && kept.length <= SHAPE_TOKENS && kept.length - left < count) {
      const token = tokens.next()
      if (token === null) isMore = false
      else if (token.kind === 'c') comment = token
      else {
        comment = null
        kept.push(token)
      }
    }
    return kept.length - left >= count
  }
  const first = firstOf(tokens)
  if (first === null) return []
  kept.push(first)
  for (;;) {
    if (kept.length >= SHAPE_TOKENS && isOneValue(kept)) {
      kept.splice(1, SHAPE_TOKENS - 1)
      left = 0
    }
    if (!isMore || left >= SHAPE_TOKENS) {
      left = kept.length
      break
    }
    if (!gather(2)) {
      left = kept.length
      continue
    }
    const pair = foldPair(kept, left)
    if (pair === 'end') return kept.slice(0, left + 2)
    if (pair !== null) {
      left = pair
      continue
    }
    if (!gather(3)) {
      left = kept.length
      continue
    }
    left = foldTriple(kept, left) ?? left + 1
  }
  if (left < SHAPE_TOKENS && comment !== null) kept.push(comment)
  return withTick(kept.slice(0, SHAPE_TOKENS))
}

/** A tick at the end that nothing follows was a comment to MySQL. */
function withTick(kept: SqlToken[]): readonly SqlToken[] {
  const last = kept.at(-1)
  if (kept.length < 3 || last?.kind !== 'n' || last.opened !== '`' || last.text + last.closed !== '') return kept
  return [...kept.slice(0, -1), { ...last, kind: 'c' }]
}

/** Comments, parentheses, types and signs at the beginning do not matter to what follows. */
function firstOf(tokens: SqlTokens): SqlToken | null {
  for (let token = tokens.next(); token !== null; token = tokens.next()) {
    if (!isOf('c(t', token) && !isUnary(token)) return token
  }
  return null
}

/** Five words that are one value: `1-(2)`, `a=(b)`. */
function isOneValue(kept: readonly SqlToken[]): boolean {
  const shape = kept
    .slice(0, SHAPE_TOKENS)
    .map(({ kind }) => kind)
    .join('')
  return /^(?:1[o,]\(1\)|no\([n1]\)|1\),\(1|n\)o\(n)$/.test(shape)
}

/**
 * Folds two words, in place. What goes is what was read last: that is the second of the two but where words before them were folded
 * again. @returns where to go on; null: nothing is folded; `end`: no more is read
 */
function foldPair(kept: SqlToken[], left: number): number | 'end' | null {
  const [a, b] = [kept[left], kept[left + 1]] as [SqlToken, SqlToken]
  const before = Math.max(0, left - 1)
  const drop = (next: number): number => {
    kept.pop()
    return next
  }
  if (isOf('s;', a) && a.kind === b.kind) return drop(left)
  if (isOf('o&', a) && (isUnary(b) || b.kind === 't')) return drop(0)
  if (a.kind === '(' && isUnary(b)) return drop(before)
  const phrase = phraseOf(a, b)
  if (phrase !== null) {
    kept[left] = phrase
    return drop(before)
  }
  const other = otherKind(a, b)
  if (other !== null) {
    kept[left] = other[0]
    kept[left + 1] = other[1]
    return other[2] ? left : null
  }
  if (a.kind === 't' && isOf('n1t(fvs', b)) {
    kept[left] = b
    return drop(0)
  }
  if (a.kind === 'A' && b.kind === 'n' && b.text.includes('_')) {
    kept[left + 1] = { ...b, kind: 't' }
    return 0
  }
  if (a.kind === '\\') {
    if (isArithmetic(b)) kept[left] = { ...a, kind: '1' }
    else {
      kept[left] = b
      kept.pop()
    }
    return 0
  }
  if (isOf('()', a) && a.kind === b.kind) return drop(0)
  if (a.kind === '{' && b.kind === 'n') {
    if (b.text === '') {
      kept[left + 1] = { ...b, kind: 'X' }
      return 'end'
    }
    kept.pop()
    return drop(0)
  }
  return b.kind === '}' ? drop(0) : null
}

/** Words that are of another kind beside each other, and whether both are looked at once more. */
function otherKind(a: SqlToken, b: SqlToken): readonly [SqlToken, SqlToken, again: boolean] | null {
  if (a.kind === ';' && b.kind === 'f' && /^if/i.test(b.text)) return [a, { ...b, kind: 'T' }, true]
  if (isOf('nv', a) && b.kind === '(' && CALLED.test(a.text)) return [{ ...a, kind: 'f' }, b, true]
  if (a.kind === 'k' && /^(?:not )?in$/i.test(a.text)) return [{ ...a, kind: b.kind === '(' ? 'o' : 'n' }, b, true]
  if (a.kind === 'o' && /^(?:not )?like$/i.test(a.text)) return [b.kind === '(' ? { ...a, kind: 'f' } : a, b, false]
  return null
}

const OF_PHRASES = 'knoUfEtT&'

function phraseOf(a: SqlToken, b: SqlToken): SqlToken | null {
  if (!isOf('knoUfEtT', a) || !isOf(OF_PHRASES, b)) return null
  if (a.text.length + b.text.length + 1 > PHRASE_CHARACTERS) return null
  const kind = kindOfPhrase(a.text, b.text)
  return kind === null ? null : { ...a, kind, text: `${a.text} ${b.text}` }
}

/** Folds three words, in place. @returns where to go on; null: nothing is folded */
function foldTriple(kept: SqlToken[], left: number): number | null {
  const [a, b, c] = [kept[left], kept[left + 1], kept[left + 2]] as [SqlToken, SqlToken, SqlToken]
  if (isOneOfThree(a, b, c)) {
    kept.length -= 2
    return 0
  }
  const isSign = isUnary(b)
  if (a.kind === ',' && isSign && isOf('1nvs', c)) {
    kept.length -= 3
    return 0
  }
  const isKept =
    isSign &&
    ((isOf('EB,', a) && c.kind === '(') || (isOf('kEB', a) && isOf('1nvsf', c)) || (a.kind === ',' && c.kind === 'f'))
  if (isKept || (a.kind === 'E' && b.kind === '.' && c.kind === 'n')) {
    kept[left + 1] = c
    kept.pop()
    return 0
  }
  if (a.kind === 'f' && b.kind === '(' && c.kind !== ')' && /^user$/i.test(a.text)) kept[left] = { ...a, kind: 'n' }
  return null
}

/** Whether the first stands for all three. */
function isOneOfThree(a: SqlToken, b: SqlToken, c: SqlToken): boolean {
  if (a.kind === '&') return c.kind === '&'
  if (a.kind === 'o') return b.kind !== '(' && c.kind === 'o'
  if (b.kind === ',') return isOf('n1sv', a) && isOf('1nsv', c)
  if (b.kind === '.') return a.kind === 'n' && c.kind === 'n'
  if (b.kind !== 'o') return false
  if (isOf('n1', a) && isOf('1n', c)) return true
  if (a.kind === 'v' && isOf('v1n', c)) return true
  return isOf('n1vs', a) && b.text === '::' && c.kind === 't'
}
