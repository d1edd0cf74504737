import fc from 'fast-check'

const hex = (character: string): string => character.charCodeAt(0).toString(16).padStart(2, '0')
const encoded = (text: string): string => text.replace(/[^A-Za-z0-9_.-]/g, (byte) => `%${hex(byte)}`)
const marks = (text: string, write: (byte: string) => string): string => text.replace(/[^A-Za-z0-9 ]/g, write)

/** Ways in which what an attack is written in is written otherwise. */
const DISGUISES: readonly ((text: string) => string)[] = [
  (text) => text,
  encoded,
  (text) => marks(text, (byte) => `%u00${hex(byte)}`),
  (text) => marks(text, (byte) => `&#x${hex(byte)};`),
  (text) => marks(text, (byte) => `\\x${hex(byte)}`),
  (text) => text.replaceAll(' ', '/**/'),
  (text) => text.replaceAll(' ', '\t\n'),
  (text) => text.replaceAll('/', '\\'),
  (text) => text.replace(/[a-z]/g, (letter, at) => (at % 2 === 0 ? letter.toUpperCase() : letter)),
  (text) => Buffer.from(text, 'latin1').toString('base64'),
]

/** Where a value stands in a request: query, form, JSON, a part of a form, a cookie. */
const PLACES: readonly ((value: string) => string)[] = [
  (value) => `${head(`GET /?q=${encoded(value)}`)}\r\n`,
  (value) => `${head(`GET /?${encoded(value)}=1`)}\r\n`,
  (value) => post('application/x-www-form-urlencoded', `a=1&q=${encoded(value)}`),
  (value) => post('application/json', JSON.stringify({ q: [{ value: value.replace(/[\x80-\xff]/g, '') }] })),
  (value) => `${head('GET /')}Cookie: a=1; q=${encoded(value)}\r\n\r\n`,
]

const head = (line: string): string => `${line} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n`

const post = (type: string, body: string): string =>
  `${head('POST /')}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** Requests with pieces of two of the values, in a disguise and a place; bytes, a character each. */
export function mutantsOf(values: readonly string[]): fc.Arbitrary<string> {
  const piece = fc
    .tuple(fc.constantFrom(...values), fc.nat(40), fc.integer({ min: 5, max: 200 }))
    .map(([value, from, length]) => value.slice(from % value.length).slice(0, length))
  return fc
    .tuple(piece, fc.option(piece, { nil: '' }), fc.constantFrom(...DISGUISES), fc.constantFrom(...PLACES))
    .map(([one, other, disguise, place]) => place(disguise(one + other)))
}
