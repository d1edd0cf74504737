/**
 * The same text in one piece of memory. To V8 a text that was cut from another is a place in that one, and one that was put
 * together is its parts. Its quick way to write JSON takes neither: with one of them in a value, all of it takes twice as long.
 */
export function inOnePiece(text: string): string {
  return [text.slice(0, 1), text.slice(1)].join('')
}
