import type { Steps } from '../patterns/backtrack.ts'

/** A part of HTML, as a browser reads it, however broken. */
export type MarkupToken =
  | { readonly kind: 'tag'; readonly text: string }
  | { readonly kind: 'attribute'; readonly text: string }
  | { readonly kind: 'value'; readonly text: string }
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'doctype' }

/** Where in a page the text was put: between tags, among the attributes of one, or in a value, in these quotes. */
export type MarkupContext = 'text' | 'attributes' | "'" | '"' | '`'

const TOKENS_MAX = 5_000
const NAME = /[^\s/>\0][^\s/>=]*/y
const BLANK = /[\s\0/]*/y

/** Parts a text into tags, their attributes and values, by the rules of HTML. @throws OutOfSteps by the steps it takes */
export function markupTokens(text: string, context: MarkupContext, steps: Steps): readonly MarkupToken[] {
  const tokens: MarkupToken[] = []
  let at = 0
  const read = (pattern: RegExp): string => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0] ?? ''
    at += found.length
    return found
  }
  const upTo = (mark: string): string => {
    const end = text.indexOf(mark, at)
    const found = text.slice(at, end < 0 ? text.length : end)
    at = end < 0 ? text.length : end + mark.length
    return found
  }
  if (context === 'attributes') readAttributes()
  else if (context !== 'text') {
    tokens.push({ kind: 'value', text: upTo(context) })
    readAttributes()
  }
  while (at < text.length && tokens.length < TOKENS_MAX) {
    steps.left -= 1
    upTo('<')
    if (at >= text.length) break
    readTag()
  }
  return tokens

  function readTag(): void {
    if (text.startsWith('!--', at)) {
      at += 3
      tokens.push({ kind: 'comment', text: readComment() })
    } else if (/^!doctype/i.test(text.slice(at, at + 8))) {
      upTo('>')
      tokens.push({ kind: 'doctype' })
    } else if (text.startsWith('![CDATA[', at)) upTo(']]>')
    else if (/[!?%]/.test(text[at] ?? '')) {
      at += 1
      tokens.push({ kind: 'comment', text: upTo('>') })
    } else if (text[at] === '/') upTo('>')
    else if (/[A-Za-z\0]/.test(text[at] ?? '')) {
      tokens.push({ kind: 'tag', text: read(NAME).replaceAll('\0', '') })
      readAttributes()
    }
  }

  function readComment(): string {
    const rest = text.slice(at)
    const end = /-\0*[-!]\0*>/.exec(rest)
    at += end === null ? rest.length : end.index + end[0].length
    return end === null ? rest : rest.slice(0, end.index)
  }

  function readAttributes(): void {
    while (at < text.length && tokens.length < TOKENS_MAX) {
      steps.left -= 1
      read(BLANK)
      if (text[at] === '>') {
        at += 1
        return
      }
      const name = read(NAME)
      if (name === '') return
      tokens.push({ kind: 'attribute', text: name.replaceAll('\0', '') })
      const before = at
      read(/[\s\0]*/y)
      if (text[at] !== '=') {
        at = before
        continue
      }
      at += 1
      read(/[\s\0]*/y)
      readValue()
    }
  }

  function readValue(): void {
    const quote = text[at] ?? ''
    if (quote !== '' && `'"\``.includes(quote)) {
      at += 1
      pushValue(upTo(quote))
    } else pushValue(read(/[^\s>]*/y))
  }

  function pushValue(value: string): void {
    if (value !== '') tokens.push({ kind: 'value', text: value })
  }
}
