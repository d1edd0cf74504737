import type { Steps } from '../patterns/backtrack.ts'
import { kindOfWord } from './sql-words.ts'

/**
 * A word of SQL. Beside the kinds of words: `n` name, `1` number, `s` text, `v` variable, `c` comment, `o` operator, `X` what only
 * an attack has, `\\` a backslash, `?` what is nothing; `( ) { } , ; . :` stand for themselves.
 */
export type SqlToken = {
  readonly kind: string
  readonly text: string
  /** Of a text: whether its quotes are there. */
  readonly isOpened: boolean
  readonly isClosed: boolean
}

/** How the text stands in a statement that somebody put it into. */
export type SqlContext = { readonly quote: '' | "'" | '"'; readonly isMysql: boolean }

const TOKENS_MAX = 2_000
const SPACE = /[\s\0\xa0]+/y
const PLAIN = /[(){},;:]/y
const NUMBER = /0x[0-9a-f]*|0b[01]+(?!\w)|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[dflb]?(?![\w.])|\d+\.?\d*|\.\d+/iy
const VARIABLE = /@@?(?:[\w.$\x80-\xff]+|`[^`]*`?|'[^']*'?|"[^"]*"?)?/y
const WORD = /[a-z_$\x80-\xff][\w$\x80-\xff]*(?:\.[a-z_$\x80-\xff][\w$\x80-\xff]*)*/iy
const OPERATOR = /:=|<=>|<=|>=|<>|!=|\|\||&&|!<|!>|\^=|\+=|-=|\*=|\/=|%=|&=|\|=|::|[-+*/%&|^~!<=>]/y
const PREFIXED =
  /(?:[bx]'[0-9a-f]*'|n?q'(?:\[[\s\S]*?\]|\([\s\S]*?\)|\{[\s\S]*?\}|<[\s\S]*?>|!.*?!)'|(?:u&|n|e|_[a-z0-9]+\s*)(?='))/iy
const BRACKETED = /\[[^\]]*\]?/y
const DOLLARED = /\$\$[\s\S]*?(?:\$\$|$)|\$([a-z]\w*)\$[\s\S]*?(?:\$\1\$|$)/iy
const MONEY = /\$[\d.,]+/y

/** In the order in which they are looked for. */
const LITERALS = [
  ['1', NUMBER],
  ['v', VARIABLE],
  ['s', DOLLARED],
  ['1', MONEY],
  ['word', WORD],
  ['n', BRACKETED],
] as const

/** Parts a text into words of SQL, as it would be read in that context. @throws OutOfSteps by the steps it takes */
export function sqlTokens(text: string, { quote, isMysql }: SqlContext, steps: Steps): readonly SqlToken[] {
  const tokens: SqlToken[] = []
  let at = 0
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0] ?? null
  }
  const push = (kind: string, length: number, ends: Partial<SqlToken> = {}): void => {
    tokens.push({ kind, text: text.slice(at, at + length), isOpened: true, isClosed: true, ...ends })
    at += length
  }
  const pushText = (mark: string, from: number, isOpened: boolean): void => {
    const end = endOfText(text, mark, from)
    push('s', (end < 0 ? text.length : end) - at + (end < 0 ? 0 : 1), { isOpened, isClosed: end >= 0 })
  }
  if (quote !== '') pushText(quote, 0, false)
  while (at < text.length && tokens.length < TOKENS_MAX) {
    steps.left -= 1
    const character = text[at] ?? ''
    const space = take(SPACE)
    if (space !== null) {
      at += space.length
      continue
    }
    const comment = commentAt(text, at, isMysql)
    if (comment !== null) push(comment.kind, comment.length)
    else if (character === "'" || character === '"') pushText(character, at + 1, true)
    else if (character === '`') pushName()
    else if (character === '\\') push(text[at + 1] === 'N' ? '1' : '\\', text[at + 1] === 'N' ? 2 : 1)
    else pushOther(character)
  }
  return tokens

  function pushName(): void {
    const end = text.indexOf('`', at + 1)
    const name = text.slice(at + 1, end < 0 ? text.length : end)
    push(kindOfWord(name) === 'f' ? 'f' : 'n', name.length + (end < 0 ? 1 : 2))
  }

  function pushOther(character: string): void {
    const prefixed = take(PREFIXED)
    if (prefixed !== null && !prefixed.endsWith("'")) at += prefixed.length
    else if (prefixed !== null) push(/^[bx]/i.test(prefixed) ? '1' : 's', prefixed.length)
    else {
      const [kind, length] = otherAt(character)
      if (kind === 'word') pushWord(text.slice(at, at + length))
      else push(kind, length)
    }
  }

  function otherAt(character: string): readonly [kind: string, length: number] {
    for (const [kind, pattern] of LITERALS) {
      const found = take(pattern)
      if (found !== null) return [kind, found.length]
    }
    const plain = take(PLAIN)
    const operator = take(OPERATOR)
    if (operator === '&&' || operator === '||') return ['&', 2]
    if (operator !== null && (plain === null || operator.length > 1)) return ['o', operator.length]
    return plain === null ? [character === '.' ? '.' : '?', 1] : [plain, 1]
  }

  /** A keyword before a dot is one: `select.1`. */
  function pushWord(word: string): void {
    const whole = kindOfWord(word)
    const dot = word.indexOf('.')
    const head = whole === null && dot > 0 ? kindOfWord(word.slice(0, dot)) : null
    if (head !== null && head !== 'f' && head !== 't') push(head, dot)
    else push(whole ?? 'n', word.length)
  }
}

/** Where the text ends: at a quote that is neither doubled nor behind an odd number of backslashes; -1: nowhere. */
function endOfText(text: string, mark: string, from: number): number {
  for (let at = text.indexOf(mark, from); at >= 0; at = text.indexOf(mark, at + 1)) {
    let slashes = 0
    while (at - slashes - 1 >= from && text[at - slashes - 1] === '\\') slashes += 1
    if (slashes % 2 === 1) continue
    if (text[at + 1] !== mark) return at
    at += 1
  }
  return -1
}

function commentAt(
  text: string,
  at: number,
  isMysql: boolean,
): { readonly kind: string; readonly length: number } | null {
  const lineEnd = (): number => {
    const end = text.indexOf('\n', at)
    return (end < 0 ? text.length : end) - at
  }
  if (text[at] === '#' && isMysql) return { kind: 'c', length: lineEnd() }
  if (text.startsWith('--', at)) {
    const next = text[at + 2] ?? ' '
    return /[\s\0\xa0]/.test(next) || !isMysql ? { kind: 'c', length: lineEnd() } : null
  }
  if (!text.startsWith('/*', at)) return null
  const end = text.indexOf('*/', at + 2)
  const length = (end < 0 ? text.length : end + 2) - at
  const inner = text.slice(at + 2, at + length)
  // What MySQL runs, and a comment in a comment, nobody writes for readers.
  return { kind: inner.startsWith('!') || inner.includes('/*') ? 'X' : 'c', length }
}
