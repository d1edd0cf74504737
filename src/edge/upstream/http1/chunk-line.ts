import { MalformedAnswer } from './malformed-answer.ts'

/** The line before a chunk, its end included. */
export const CHUNK_LINE_BYTES_MAX = 256
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*"'
/** RFC 9112 section 7.1, without the white space that only a parser of old may let pass. */
const CHUNK_LINE = new RegExp(`^0*([0-9A-Fa-f]{1,8})((?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)*)$`)

/** The size of the chunk that follows, and how much of the line said nothing; extensions mean nothing here. @throws MalformedAnswer */
export function readChunkLine(line: string): { readonly bytes: number; readonly extensionBytes: number } {
  if (line.length > CHUNK_LINE_BYTES_MAX - 2) throw new MalformedAnswer('the line of a chunk is too long')
  const [, size, extensions = ''] = CHUNK_LINE.exec(line) ?? []
  if (size === undefined) throw new MalformedAnswer('the size of a chunk is none')
  return { bytes: Number.parseInt(size, 16), extensionBytes: extensions.length }
}
