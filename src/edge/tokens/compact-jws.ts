import type { Json } from '../../kernel/canonical-json.ts'
import { parseStrictJson } from '../../kernel/strict-json.ts'

/** A JWS in compact serialisation (RFC 7515 section 7.1) that has one reading only. Nothing of it is verified yet. */
export type CompactJws = {
  readonly token: string
  readonly algorithm: string
  /** Null when the header names no key. */
  readonly kid: string | null
  readonly header: Readonly<Record<string, Json>>
  readonly payload: Buffer
}

const TOKEN_CHARACTERS_MAX = 8_192
const KID_CHARACTERS_MAX = 256
const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]+)$/
const HEADER_LIMITS = { depthMax: 4, keysMax: 32 }

/**
 * Header members that would change what is verified, or with what: extensions (RFC 7515 section 4.1.11, RFC 7797), keys that the
 * token brings along or points at (RFC 8725 sections 3.5 and 3.10), compression and encryption (RFC 7516).
 */
const REFUSED_MEMBERS = ['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c', 'zip', 'enc', 'p2c']

/**
 * Reads a token strictly, before jose, which takes some base64url that is not canonical. `taken` are header members that this kind
 * of token has although others may not. A text says why it is none.
 */
export function readCompactJws(token: string, taken: readonly string[] = []): CompactJws | string {
  if (token.length > TOKEN_CHARACTERS_MAX) return 'the token is too long'
  const [, header = '', payload = '', signature = ''] = COMPACT.exec(token) ?? []
  if (header === '') return 'the token is not a compact JWS'
  // Else one token would have several spellings, and what is remembered or revoked by its text could be had again.
  if (![header, payload, signature].every(isCanonical)) return 'the token is not canonical base64url'
  const members = readHeader(header)
  if (typeof members === 'string') return members
  const { alg, kid = null } = members
  if (typeof alg !== 'string') return 'the header names no algorithm'
  if (kid !== null && !isKeyId(kid)) return 'the kid is not a short text'
  const refused = REFUSED_MEMBERS.find((name) => Object.hasOwn(members, name) && !taken.includes(name))
  if (refused !== undefined) return `the header holds ${refused}`
  return { token, algorithm: alg, kid, header: members, payload: Buffer.from(payload, 'base64url') }
}

function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}

function readHeader(part: string): Readonly<Record<string, Json>> | string {
  const read = parseStrictJson(Buffer.from(part, 'base64url'), HEADER_LIMITS)
  if (!('value' in read)) return `the header can not be read: ${read.detail}`
  const { value } = read
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Readonly<Record<string, Json>>) : 'the header is not an object'
}

/** Printable ASCII: a kid is looked up and logged. */
function isKeyId(kid: Json): kid is string {
  return typeof kid === 'string' && kid.length <= KID_CHARACTERS_MAX && /^[\x21-\x7e]+$/.test(kid)
}
