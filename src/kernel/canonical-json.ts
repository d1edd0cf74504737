import { hash } from 'node:crypto'
import { assert } from './assert.ts'

/** What JSON can say. A bigint is not among it: amounts are decimal strings. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

/**
 * One text for one value (RFC 8785, JCS): keys sorted by UTF-16 code units, no white space, ECMAScript numbers.
 * Keys with an undefined value are left out, as JSON.stringify does. @throws AssertionFailed on NaN and infinities
 */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const object = value as { readonly [key: string]: Json | undefined }
    const members: string[] = []
    for (const key of Object.keys(object).sort()) {
      const member = object[key]
      if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`)
    }
    return `{${members.join(',')}}`
  }
  assert(typeof value !== 'number' || Number.isFinite(value), 'a number in JSON is finite')
  return JSON.stringify(value)
}

/** SHA-256 in lower-case hex. */
export function sha256(bytes: string | Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}

/** The name of a value by its content: `sha256:` and the digest of its canonical JSON. */
export function contentDigest(value: Json): string {
  return `sha256:${sha256(canonicalJson(value))}`
}
