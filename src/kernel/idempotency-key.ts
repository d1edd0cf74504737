/** What the `Idempotency-Key` header of a request says. */
export type IdempotencyKey =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed' }

const KEY = /^[\x21-\x7e]{1,255}$/
const QUOTED = /^"((?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/

/**
 * Reads the header: bare, or quoted as the IETF draft has it (a structured-field string, RFC 9651 section 3.3.3); `"a"` and `a`
 * are the same key. 1–255 visible ASCII characters. Two headers arrive joined by a comma and a space, and are malformed.
 */
export function parseIdempotencyKey(header: string | readonly string[] | undefined): IdempotencyKey {
  if (header === undefined) return { kind: 'missing' }
  if (typeof header !== 'string') return { kind: 'malformed' }
  const key = header.startsWith('"') ? QUOTED.exec(header)?.[1]?.replaceAll(/\\(.)/g, '$1') : header
  return key !== undefined && KEY.test(key) ? { kind: 'key', key } : { kind: 'malformed' }
}
