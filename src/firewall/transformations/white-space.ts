import { inSmallLetters } from '../patterns/byte-set.ts'

/** What C calls white space. A byte 160 is none: it is a part of `à` in UTF-8. */
export function compressWhitespace(text: string): string {
  return text.replace(/[\t\n\v\f\r ]+/g, ' ')
}

/** The same, and the no-break space of Latin-1. */
export function removeWhitespace(text: string): string {
  return text.replace(/[\t\n\v\f\r \xa0]+/g, '')
}

export function trim(text: string): string {
  return trimLeft(trimRight(text))
}

export function trimLeft(text: string): string {
  return text.replace(/^[\t\n\v\f\r ]+/, '')
}

/** By hand: a pattern that ends with `$` would try at each space. */
export function trimRight(text: string): string {
  let end = text.length
  while (end > 0 && /[\t\n\v\f\r ]/.test(text[end - 1] ?? '')) end -= 1
  return text.slice(0, end)
}

export function removeNulls(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '') : text
}

export function replaceNulls(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', ' ') : text
}

/** A command as a shell sees it: without what it ignores, blanks as one, none before `/` and `(`, small letters. */
export function cmdLine(text: string): string {
  const plain = text
    .replace(/[\\"'^]/g, '')
    .replace(/[ \t\r\n,;]+/g, ' ')
    .replace(/ ([/(])/g, '$1')
  return inSmallLetters(plain)
}
