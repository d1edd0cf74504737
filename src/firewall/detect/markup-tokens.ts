import type { Steps } from '../patterns/backtrack.ts'

/** A part of HTML, as a browser reads it, however broken; what says nothing is left out. */
export type MarkupToken = {
  readonly kind: 'tag' | 'attribute' | 'value' | 'comment' | 'doctype'
  readonly text: string
}

/** Where in a page the text was put: between tags, among the attributes of one, or in a value, in these quotes. */
export type MarkupContext = 'text' | 'attributes' | "'" | '"' | '`'

const BLANK = /[\t-\r \0]*/y
const TAG = /[^\t-\r />]*/y
const ATTRIBUTE = /[\s\S][^\t-\r \0/=>]*/y
const VALUE = /[^\t-\r \0>]*/y
const COMMENT_END = /-\0*[-!]\0*>/g

/** Parts a text into tags, their attributes, values and comments, one after the other, by the rules of HTML as libinjection reads them. */
export class MarkupTokens {
  readonly #text: string
  readonly #steps: Steps
  #at = 0
  /** What `</` began: its name is no tag where nothing follows it. */
  #isClosing = false

  constructor(text: string, steps: Steps) {
    this.#text = text
    this.#steps = steps
  }

  *in(context: MarkupContext): Generator<MarkupToken, void, void> {
    if (context.length === 1) yield this.#token('value', this.#upTo(context))
    if (context !== 'text') yield* this.#attributes()
    for (;;) {
      this.#upTo('<')
      if (this.#at >= this.#text.length) return
      yield* this.#tag()
    }
  }

  #token(kind: MarkupToken['kind'], text: string): MarkupToken {
    this.#steps.left -= 1 + text.length / 64
    return { kind, text }
  }

  #read(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }

  /** What is before the mark; beyond it is gone on, or nowhere. */
  #upTo(mark: string): string {
    const end = this.#text.indexOf(mark, this.#at)
    const found = this.#text.slice(this.#at, end < 0 ? this.#text.length : end)
    this.#at = end < 0 ? this.#text.length : end + mark.length
    return found
  }

  *#tag(): Generator<MarkupToken, void, void> {
    const text = this.#text
    const first = text[this.#at] ?? ''
    if (first === '!') {
      this.#at += 1
      yield* this.#declaration()
    } else if (first === '?' || first === '%') {
      this.#at += 1
      yield this.#token('comment', this.#upTo(first === '%' ? '%>' : '>'))
    } else if (first === '/') {
      this.#at += 1
      this.#isClosing = true
      if (/[a-z]/i.test(text[this.#at] ?? '')) yield* this.#named()
      else if (this.#at < text.length && text[this.#at] !== '>') {
        this.#isClosing = false
        yield this.#token('comment', this.#upTo('>'))
      }
    } else if (/[a-z\0]/i.test(first)) yield* this.#named()
  }

  *#declaration(): Generator<MarkupToken, void, void> {
    const text = this.#text
    if (/^doctype/i.test(text.slice(this.#at, this.#at + 7))) yield this.#token('doctype', this.#upTo('>'))
    else if (text.startsWith('[CDATA[', this.#at)) this.#upTo(']]>')
    else if (text.startsWith('--', this.#at)) {
      this.#at += 2
      COMMENT_END.lastIndex = this.#at
      yield this.#token('comment', this.#upTo(COMMENT_END.exec(text)?.[0] ?? '-->'))
    } else yield this.#token('comment', this.#upTo('>'))
  }

  *#named(): Generator<MarkupToken, void, void> {
    const name = this.#read(TAG)
    const isWhole = this.#text[this.#at] === '>'
    if (!isWhole || !this.#isClosing) yield this.#token('tag', name)
    if (isWhole) {
      this.#at += 1
      this.#isClosing = false
    } else yield* this.#attributes()
  }

  *#attributes(): Generator<MarkupToken, void, void> {
    const text = this.#text
    for (;;) {
      this.#read(BLANK)
      if (this.#at >= text.length) return
      const first = text[this.#at]
      if (first === '>') {
        this.#at += 1
        return
      }
      if (first === '/') {
        this.#at += 1
        continue
      }
      yield this.#token('attribute', this.#read(ATTRIBUTE))
      this.#read(BLANK)
      if (text[this.#at] === '>') this.#isClosing = false
      if (text[this.#at] !== '=') continue
      this.#at += 1
      this.#read(BLANK)
      if (this.#at < text.length) yield this.#token('value', this.#value())
    }
  }

  #value(): string {
    const quote = this.#text[this.#at] ?? ''
    if (!'\'"`'.includes(quote)) {
      const value = this.#read(VALUE)
      if (this.#text[this.#at] === '>') this.#isClosing = false
      return value
    }
    this.#at += 1
    return this.#upTo(quote)
  }
}
