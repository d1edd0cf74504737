import type { Steps } from '../patterns/backtrack.ts'
import { kindOfWord } from './sql-words.ts'

/**
 * A word of SQL. Beside the kinds of words: `n` name, `1` number, `s` text, `v` variable, `c` comment, `o` operator, `X` what only
 * an attack has, `\\` a backslash, `?` what is nothing; `( ) { } , ; . :` stand for themselves.
 */
export type SqlToken = {
  readonly kind: string
  /** What is between the quotes of a text, else as it stands; its first characters. */
  readonly text: string
  /** Of a text or a quoted name: by what it begins, and ends; empty where that is missing. */
  readonly opened: string
  readonly closed: string
}

/** How the text stands in a statement that somebody put it into. */
export type SqlContext = { readonly quote: '' | "'" | '"'; readonly isMysql: boolean }

const TEXT_CHARACTERS = 31
const WORD = /[^ [\]{}<>:\\?=@!#~+\-*/&|^%(),';\t\n\v\f\r"\xa0\0]*/y
const VARIABLE = /[^ <>:\\?=@!#~+\-*/&|^%(),';\t\n\v\f\r`"\0]*/y
const NUMBER = /\.(?!\d)|(?:\d+\.?\d*|\.\d+)(?:(e)[+-]?(\d*))?/iy
/** A null is passed over in these. */
const HEXADECIMAL = /0(?:x([\da-f\0]*)|b([01\0]*))/iy
const SPELLED_NUMBER = /b'[01\0]*'|x'[\da-f\0]*'/iy
const MONEY = /\$(?:[\d.,\0]+|\$|([a-z\0]+)\$)/iy
const OPERATOR_OF_TWO = /!!|![<=>]|[&*|]=|::|:=|<[<=>@]|>[>=]|\|\/|&&|\|\|/y
/** Up to the space, and what is none in any text; the no-break space of Latin-1 too. */
const isSpace = (code: number): boolean => code <= 32 || code === 127 || code === 160
const isBlank = (character: string): boolean => ' \t\n\v\f\r\0\xa0'.includes(character)
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '<': '>' }

/** Parts a text into words of SQL as it would be read in its context, one after the other, as libinjection does. */
export class SqlTokens {
  readonly text: string
  /** How many there were up to now. */
  count = 0
  /** Whether something is a comment in the other dialect alone. */
  isOfDialect = false
  readonly #context: SqlContext
  readonly #steps: Steps
  #at = 0

  constructor(text: string, context: SqlContext, steps: Steps) {
    this.text = text
    this.#context = context
    this.#steps = steps
  }

  /** The next one; null at the end. */
  next(): SqlToken | null {
    const { text } = this
    this.#steps.left -= 1
    if (this.#at === 0 && this.#context.quote !== '' && this.count === 0) return this.#quoted(this.#context.quote, 0)
    while (this.#at < text.length && isSpace(text.charCodeAt(this.#at))) this.#at += 1
    if (this.#at >= text.length) return null
    return this.#token(text[this.#at] as string)
  }

  #token(first: string): SqlToken {
    switch (first) {
      case "'":
      case '"':
        return this.#quoted(first, 1)
      case '`':
        return this.#quotedName()
      case '#':
        return this.#hash()
      case '-':
        return this.#dash()
      case '/':
        return this.#slash()
      case '$':
        return this.#money()
      case '@':
        return this.#variable()
      case '[': {
        const end = this.text.indexOf(']', this.#at)
        return this.#take('n', (end < 0 ? this.text.length : end + 1) - this.#at)
      }
      case '\\':
        return this.text[this.#at + 1] === 'N' ? this.#take('1', 2) : this.#take('\\', 1)
      default:
        if (/[\d.]/.test(first)) return this.#number()
        if ('(){},;'.includes(first)) return this.#take(first, 1)
        if ('?]'.includes(first)) return this.#take('?', 1)
        if ('+%^~'.includes(first)) return this.#take('o', 1)
        if ('!&*:<=>|'.includes(first)) return this.#operator(first)
        return /[bxenqu]/i.test(first) ? this.#prefixed(first.toLowerCase()) : this.#word()
    }
  }

  #take(kind: string, length: number): SqlToken {
    return this.#push(kind, this.#at, length, this.#at + length)
  }

  #push(kind: string, from: number, length: number, next: number, opened = '', closed = ''): SqlToken {
    this.count += 1
    this.#at = next
    return { kind, text: this.text.slice(from, from + Math.min(length, TEXT_CHARACTERS)), opened, closed }
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    return pattern.exec(this.text)
  }

  /** A text in quotes, of which `skipped` characters are before what is in it. */
  #quoted(mark: string, skipped: number, kind = 's'): SqlToken {
    const from = this.#at + skipped
    const end = endOfText(this.text, mark, from)
    const opened = skipped > 0 ? mark : ''
    if (end < 0) return this.#push(kind, from, this.text.length - from, this.text.length, opened)
    return this.#push(kind, from, end - from, end + 1, opened, mark)
  }

  #quotedName(): SqlToken {
    const token = this.#quoted('`', 1, 'n')
    return kindOfWord(token.text) === 'f' ? { ...token, kind: 'f' } : token
  }

  #lineEnd(): number {
    const end = this.text.indexOf('\n', this.#at)
    return (end < 0 ? this.text.length : end) - this.#at
  }

  #hash(): SqlToken {
    this.isOfDialect = true
    return this.#context.isMysql ? this.#take('c', this.#lineEnd()) : this.#take('o', 1)
  }

  #dash(): SqlToken {
    const { text } = this
    if (text[this.#at + 1] !== '-') return this.#take('o', 1)
    const after = text[this.#at + 2]
    if (after === undefined || isBlank(after)) return this.#take('c', this.#lineEnd())
    if (this.#context.isMysql) return this.#take('o', 1)
    this.isOfDialect = true
    return this.#take('c', this.#lineEnd())
  }

  /** What MySQL runs, and a comment in a comment, nobody writes for readers. */
  #slash(): SqlToken {
    const { text } = this
    if (text[this.#at + 1] !== '*') return this.#take('o', 1)
    const end = text.indexOf('*/', this.#at + 2)
    const isNested = end >= 0 && text.slice(this.#at + 2, end + 2).includes('/*')
    const isRun = text[this.#at + 2] === '!'
    return this.#take(isNested || isRun ? 'X' : 'c', (end < 0 ? text.length : end + 2) - this.#at)
  }

  #operator(first: string): SqlToken {
    const { text } = this
    if (text.startsWith('<=>', this.#at)) return this.#take('o', 3)
    const two = this.#match(OPERATOR_OF_TWO)
    if (two !== null) return this.#take(two[0] === '&&' || two[0] === '||' ? '&' : 'o', 2)
    return this.#take(first === ':' && this.#at + 1 < text.length ? ':' : 'o', 1)
  }

  #money(): SqlToken {
    const { text } = this
    const [found, tag] = this.#match(MONEY) ?? []
    if (found === '$.') return this.#word()
    if (found === undefined) return this.#take('n', 1)
    if (!found.endsWith('$')) return this.#take('1', found.length)
    const from = this.#at + found.length
    const end = text.indexOf(tag === undefined ? '$$' : found, from)
    if (end < 0) return this.#push('s', from, text.length - from, text.length, '$')
    return this.#push('s', from, end - from, end + found.length, '$', '$')
  }

  #variable(): SqlToken {
    const { text } = this
    this.#at += text[this.#at + 1] === '@' ? 2 : 1
    const first = text[this.#at] ?? ''
    if (first === "'" || first === '"' || first === '`') return this.#quoted(first, 1, 'v')
    return this.#take('v', this.#match(VARIABLE)?.[0].length ?? 0)
  }

  #number(): SqlToken {
    const { text } = this
    const [spelled, hex, binary] = this.#match(HEXADECIMAL) ?? []
    if (spelled !== undefined) return this.#take(hex === '' || binary === '' ? 'n' : '1', spelled.length)
    const [found = '', exponent, digits] = this.#match(NUMBER) ?? []
    if (found === '.') return this.#take('.', 1)
    let length = found.length
    const suffix = text[this.#at + length] ?? ''
    const after = text[this.#at + length + 1] ?? ' '
    if (/[df]/i.test(suffix) && (isBlank(after) || /[;u]/i.test(after))) length += 1
    return this.#take(exponent !== undefined && digits === '' ? 'n' : '1', length)
  }

  /** Texts and numbers by a letter before the quote: `x'41'`, `n'…'`, `q'[…]'`, `u&'…'`. */
  #prefixed(letter: string): SqlToken {
    const { text } = this
    if (letter === 'b' || letter === 'x') {
      const found = this.#match(SPELLED_NUMBER)
      return found === null ? this.#word() : this.#take('1', found[0].length)
    }
    if (letter === 'u') {
      if (!text.startsWith("&'", this.#at + 1)) return this.#word()
      this.#at += 2
      const token = this.#quoted("'", 1)
      return { ...token, opened: 'u', closed: token.closed === '' ? '' : 'u' }
    }
    const isQuoted = text[this.#at + 1] === "'" && this.#at + 2 < text.length
    if (letter !== 'q' && isQuoted) return this.#quoted("'", 2)
    return letter === 'e' ? this.#word() : this.#ofOracle(letter === 'q' ? 0 : 1)
  }

  #ofOracle(skipped: number): SqlToken {
    const { text } = this
    const at = this.#at + skipped
    const mark = text[at + 2] ?? ''
    if (!/q/i.test(text[at] ?? '') || text[at + 1] !== "'" || mark < '!' || mark > '\x7f') return this.#word()
    const end = text.indexOf(`${CLOSING[mark] ?? mark}'`, at + 3)
    if (end < 0) return this.#push('s', at + 3, text.length, text.length, 'q')
    return this.#push('s', at + 3, end - at - 3, end + 2, 'q', 'q')
  }

  /** A keyword before a dot, or a quoted name, is one: `select.1`. */
  #word(): SqlToken {
    const word = this.#match(WORD)?.[0] ?? ''
    for (let at = 0; at < Math.min(word.length, TEXT_CHARACTERS); at++) {
      if (word[at] !== '.' && word[at] !== '`') continue
      const kind = kindOfWord(word.slice(0, at))
      if (kind !== null && kind !== 'n') return this.#take(kind, at)
    }
    return this.#take((word.length <= TEXT_CHARACTERS ? kindOfWord(word) : null) ?? 'n', word.length)
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
