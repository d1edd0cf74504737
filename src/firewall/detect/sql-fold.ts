import type { SqlToken } from './sql-tokens.ts'
import { kindOfWord } from './sql-words.ts'

const KEPT = 5

const isUnary = ({ kind, text }: SqlToken): boolean => kind === 'o' && /^[-+~!]$/.test(text)
const isValue = ({ kind }: SqlToken): boolean => '1nsv'.includes(kind)

/** Names that are calls where a parenthesis follows. */
const CALLED =
  /^(?:user(?:_id|_name)?|database|password|current_(?:user|date|time|timestamp)|localtime(?:stamp)?|session_user|utc_\w+)$/i

/**
 * The shape of a statement: what its first words come to when all that makes no difference is folded together, such as `1+1`,
 * doubled parentheses and comments between words.
 */
export function foldSql(all: readonly SqlToken[]): readonly SqlToken[] {
  const last = all.at(-1)
  const tokens = all.filter(({ kind }, index) => kind !== 'c' || index === all.length - 1)
  let from = 0
  while (from < tokens.length && isSkipped(tokens[from] as SqlToken)) from += 1
  const folded: SqlToken[] = []
  for (const token of tokens.slice(from)) {
    push(folded, token)
    if (folded.length > KEPT + 2) break
  }
  const kept = folded.slice(0, KEPT)
  if (last?.kind === 'c' && folded.length < KEPT && kept.at(-1)?.kind !== 'c') kept.push(last)
  return kept
}

/** At the beginning: what does not matter to what follows. */
function isSkipped(token: SqlToken): boolean {
  return token.kind === 'c' || token.kind === '(' || token.kind === 't' || isUnary(token)
}

function push(folded: SqlToken[], token: SqlToken): void {
  folded.push(token)
  while (foldEnd(folded)) {
    // until nothing changes
  }
}

/** Folds the last two or three tokens into fewer; whether it did. */
function foldEnd(folded: SqlToken[]): boolean {
  const [b, a] = [folded.at(-1), folded.at(-2)]
  if (a === undefined || b === undefined) return false
  const phrase = phraseOf(a, b)
  if (phrase !== null) return replace(folded, 2, phrase)
  const pair = foldPair(a, b)
  if (pair !== null) return replace(folded, 2, ...pair)
  const before = folded.at(-3)
  const triple = before === undefined ? null : foldTriple(before, a, b)
  return triple === null ? false : replace(folded, 3, ...triple)
}

function replace(folded: SqlToken[], count: number, ...tokens: readonly SqlToken[]): true {
  folded.splice(-count, count, ...tokens)
  return true
}

function phraseOf(a: SqlToken, b: SqlToken): SqlToken | null {
  if (!/^[a-z ]+$/i.test(a.text) || !/^[a-z]+$/i.test(b.text) || a.kind === 's' || b.kind === 's') return null
  const text = `${a.text} ${b.text}`
  const kind = kindOfWord(text)
  return kind === null ? null : { ...a, kind, text }
}

function foldPair(a: SqlToken, b: SqlToken): readonly SqlToken[] | null {
  const [x, y] = [a.kind, b.kind]
  if (x === 's' && y === 's') return [a]
  if (x === ';' && y === ';') return [a]
  if ((x === 'o' || x === '&') && (isUnary(b) || y === 't')) return [a]
  if ((x === '(' || x === ',') && isUnary(b)) return [a]
  if ((x === '(' && y === '(') || (x === ')' && y === ')')) return [a]
  if (x === 'n' && y === '(' && CALLED.test(a.text)) return [{ ...a, kind: 'f' }, b]
  if ((x === 'E' || x === 'k' || x === 'B' || x === 'U') && isUnary(b)) return [a]
  if (x === 't' && (isValue(b) || y === '(' || y === 'f')) return [b]
  if (x === 'A' && (y === 'n' || y === 's')) return [{ ...a, kind: 'n' }]
  if (x === '{' && y === 'n') return []
  if (y === '}') return [a]
  if (x === '\\' && y === 'o') return [{ ...a, kind: '1' }, b]
  return null
}

function foldTriple(a: SqlToken, b: SqlToken, c: SqlToken): readonly SqlToken[] | null {
  const [x, y, z] = [a.kind, b.kind, c.kind]
  const values = '1nv'
  if (values.includes(x) && y === 'o' && values.includes(z)) return [a]
  if (x === 'o' && y !== '(' && z === 'o') return [a]
  if (x === '&' && z === '&') return [a]
  if (isValue(a) && y === ',' && isValue(c)) return [a]
  if (x === 'n' && y === '.' && z === 'n') return [c]
  if (x === 'E' && y === '.' && z === 'n') return [a]
  if (x === '.' && z === '.') return [a]
  return null
}
