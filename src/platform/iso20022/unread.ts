/** Bytes with which a document of another encoding begins: marks of UTF-16 and UTF-32, and a `<` in either, without one. */
const OTHER_ENCODINGS: readonly (readonly number[])[] = [
  [0xfe, 0xff],
  [0xff, 0xfe],
  [0x00, 0x3c],
  [0x3c, 0x00],
  [0x00, 0x00],
  [0x2b, 0x2f, 0x76],
  [0x4c, 0x6f, 0xa7, 0x94],
]

/** What no message of ISO 20022 needs, and much that attacks XML does: names of things that a parser would have to look up. */
const NOT_HERE: readonly (readonly [text: string, what: string])[] = [
  ['<!DOCTYPE', 'has a document type'],
  ['<!ENTITY', 'declares an entity'],
  ['<!ELEMENT', 'declares an element'],
  ['<!ATTLIST', 'declares attributes'],
  ['<![', 'has a CDATA section'],
]

const INSTRUCTION = '<?'

/** Why the bytes are not given to a parser; null when they may be. */
export function refusedUnread(bytes: Uint8Array, bytesMax: number): string | null {
  if (bytes.length === 0) return 'is empty'
  if (bytes.length > bytesMax) return `is larger than ${bytesMax} bytes`
  if (OTHER_ENCODINGS.some((start) => start.every((byte, at) => bytes[at] === byte))) return 'is not in UTF-8'
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (buffer.includes(0)) return 'has a zero byte'
  for (const [text, what] of NOT_HERE) if (buffer.includes(text)) return what
  const declared = buffer.subarray(0, 9).toString('latin1').replace('\u00ef\u00bb\u00bf', '').startsWith('<?xml')
  if (buffer.indexOf(INSTRUCTION, declared ? 5 : 0) !== -1) return 'has a processing instruction'
  return null
}
