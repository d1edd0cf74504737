import type { Steps } from '../patterns/backtrack.ts'
import { foldSql } from './sql-fold.ts'
import { isAttackShape } from './sql-shapes.ts'
import { type SqlToken, SqlTokens } from './sql-tokens.ts'

/** What stands behind a number that a comment follows, where it is one. Bytes beyond ASCII are blanks to libinjection. */
const FOLLOWS_NUMBER = /^(?:[\0- \x80-\xff]|\/\*|--)/

/** What is one word, or two: no statement. */
const IS_PLAIN = /^\w*$/

/**
 * Whether a text would change the statement that it was put into: by the shape of its words, not by what it resembles. The same
 * answer as libinjection's, which is what `@detectSQLi` asks in ModSecurity. @throws OutOfSteps
 */
export function isSqlInjection(text: string, steps: Steps): boolean {
  steps.left -= 1 + text.length / 64
  if (IS_PLAIN.test(text)) return false
  for (const quote of ['', "'", '"'] as const) {
    if (quote !== '' && !text.includes(quote)) continue
    const first = new SqlTokens(text, { quote, isMysql: quote === '"' }, steps)
    if (isAttack(text, first)) return true
    if (quote !== '"' && first.isOfDialect && isAttack(text, new SqlTokens(text, { quote, isMysql: true }, steps)))
      return true
  }
  return false
}

function isAttack(text: string, tokens: SqlTokens): boolean {
  const folded = foldSql(tokens)
  const shape = folded.map(({ kind }) => kind).join('')
  if (shape.includes('X')) return true
  return isAttackShape(shape) && !isOrdinary(text, shape, folded, tokens.count)
}

/** Whether ordinary texts have the shape too, and nothing else speaks for an attack. `count`: of how many words it was made. */
function isOrdinary(text: string, shape: string, [a, b, c]: readonly SqlToken[], count: number): boolean {
  if (shape.endsWith('c') && /sp_password/.test(text)) return false
  if (a === undefined || b === undefined) return false
  if (c === undefined) return isOrdinaryPair(text, a, b, count)
  if (shape.length !== 3) return false
  if (shape === 'sos' || shape === 's&s') return !(a.opened === '' && c.closed === '' && a.closed === c.opened)
  if (/^(?:s&n|n&1|1&1|1&v|1&s)$/.test(shape)) return count === 3
  return b.kind === 'k' && (b.text.length < 5 || !/^into/i.test(b.text))
}

function isOrdinaryPair(text: string, a: SqlToken, b: SqlToken, count: number): boolean {
  if (b.kind === 'U') return count === 2
  if (b.text.startsWith('#')) return true
  if (a.kind === 'n' && b.kind === 'c' && !b.text.startsWith('/')) return true
  if (a.kind === '1' && b.kind === 'c') {
    if (b.text.startsWith('/') || count > 2) return false
    return !FOLLOWS_NUMBER.test(text.slice(a.text.length, a.text.length + 2))
  }
  return b.text.length > 2 && b.text.startsWith('-')
}
