import { createHash } from 'node:crypto'
import { type ByteSet, bytesIn, inSmallLetters, oneByte, union } from '../patterns/byte-set.ts'
import { removeComments, removeCommentsChar, replaceComments } from './comments.ts'
import {
  base64Decode,
  base64DecodeExt,
  base64Encode,
  cssDecode,
  escapeSeqDecode,
  hexDecode,
  hexEncode,
  htmlEntityDecode,
  jsDecode,
  sqlHexDecode,
} from './escapes.ts'
import { normalisePath, normalisePathWin } from './paths.ts'
import { urlDecode, urlDecodeUni, urlEncode, utf8toUnicode } from './url.ts'
import {
  cmdLine,
  compressWhitespace,
  removeNulls,
  removeWhitespace,
  replaceNulls,
  trim,
  trimLeft,
  trimRight,
} from './white-space.ts'

/** Makes another text of a text; both are bytes, a character each. */
export type Transformation = (text: string) => string

const digest = (algorithm: string) => (text: string) =>
  createHash(algorithm).update(Buffer.from(text, 'latin1')).digest('latin1')

const ones = (byte: number): number => byte.toString(2).replaceAll('0', '').length
const parity = (wanted: number) => (text: string) =>
  text.replace(/[\s\S]/g, (character) => {
    const low = character.charCodeAt(0) & 0x7f
    return String.fromCharCode(ones(low) % 2 === wanted ? low : low | 0x80)
  })

/** Every transformation there is, by its name in small letters. */
const TRANSFORMATIONS: Readonly<Record<string, Transformation>> = {
  base64decode: base64Decode,
  base64decodeext: base64DecodeExt,
  base64encode: base64Encode,
  cmdline: cmdLine,
  compresswhitespace: compressWhitespace,
  cssdecode: cssDecode,
  escapeseqdecode: escapeSeqDecode,
  hexdecode: hexDecode,
  hexencode: hexEncode,
  htmlentitydecode: htmlEntityDecode,
  jsdecode: jsDecode,
  length: (text) => String(text.length),
  lowercase: inSmallLetters,
  md5: digest('md5'),
  normalisepath: normalisePath,
  normalizepath: normalisePath,
  normalisepathwin: normalisePathWin,
  normalizepathwin: normalisePathWin,
  parityeven7bit: parity(0),
  parityodd7bit: parity(1),
  parityzero7bit: (text) => text.replace(/[\x80-\xff]/g, (byte) => String.fromCharCode(byte.charCodeAt(0) & 0x7f)),
  removecomments: removeComments,
  removecommentschar: removeCommentsChar,
  removenulls: removeNulls,
  removewhitespace: removeWhitespace,
  replacecomments: replaceComments,
  replacenulls: replaceNulls,
  sha1: digest('sha1'),
  sqlhexdecode: sqlHexDecode,
  trim,
  trimleft: trimLeft,
  trimright: trimRight,
  uppercase: (text) => text.replace(/[a-z]+/g, (found) => found.toUpperCase()),
  urldecode: urlDecode,
  urldecodeuni: urlDecodeUni,
  urlencode: urlEncode,
  utf8tounicode: utf8toUnicode,
}

/** The transformation of that name, in any case; null when there is none. */
export function transformationOf(name: string): Transformation | null {
  const small = name.toLowerCase()
  return Object.hasOwn(TRANSFORMATIONS, small) ? (TRANSFORMATIONS[small] ?? null) : null
}

const SPACES = bytesIn([0x09, 0x0d], [0x20, 0x20], [0xa0, 0xa0])
const CAPITALS = bytesIn([0x41, 0x5a])
const of = (characters: string): ByteSet => union(...[...characters].map((each) => oneByte(each.charCodeAt(0))))

/** For transformations that change few texts: the bytes of which such a text has one. */
const TOUCHES: Readonly<Record<string, ByteSet>> = {
  cmdline: union(of('\\"\'^,;/('), SPACES, CAPITALS),
  compresswhitespace: SPACES,
  cssdecode: of('\\'),
  escapeseqdecode: of('\\'),
  htmlentitydecode: of('&'),
  jsdecode: of('\\'),
  lowercase: CAPITALS,
  normalisepath: of('/.'),
  normalizepath: of('/.'),
  normalisepathwin: of('/.\\'),
  normalizepathwin: of('/.\\'),
  removecomments: of('/<-#'),
  removecommentschar: of('/*<>-#'),
  removenulls: of('\0'),
  removewhitespace: SPACES,
  replacecomments: of('/'),
  replacenulls: of('\0'),
  urldecode: of('%+'),
  urldecodeuni: of('%+'),
  utf8tounicode: bytesIn([0x80, 0xff]),
}

/** The bytes without which the transformation leaves a text as it is; null: it may change any, the empty one too. */
export function touchedBy(name: string): ByteSet | null {
  return TOUCHES[name] ?? null
}
