import type { Json } from './canonical-json.ts'

/** Limits on one JSON text. `isAnyKey`: keys that JavaScript gives a meaning pass, too; only for who makes no object of them. */
export type JsonLimits = { readonly depthMax: number; readonly keysMax: number; readonly isAnyKey?: boolean }

export type JsonFault = {
  readonly kind: 'syntax' | 'encoding' | 'duplicate_key' | 'forbidden_key' | 'too_deep' | 'too_many_keys'
  readonly detail: string
}

/** Names that JavaScript gives a meaning of its own: assigned by a careless reader they reach the prototype. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads JSON the one way every parser must read it: UTF-8 without a byte order mark, no key twice in an object (after
 * unescaping), no key with a meaning to JavaScript, bounded depth and number of keys (RFC 8259 sections 4, 8 and 9;
 * RFC 7493). A fault is returned, not thrown; `value` holds what `JSON.parse` makes of the same text.
 */
export function parseStrictJson(bytes: Uint8Array, limits: JsonLimits): { readonly value: Json } | JsonFault {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return { kind: 'encoding', detail: 'the body is not UTF-8' }
  }
  if (text.startsWith('\u{FEFF}')) return { kind: 'encoding', detail: 'the body starts with a byte order mark' }
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return { kind: 'syntax', detail: 'the body is not JSON' }
  }
  return findKeyFault(text, limits) ?? { value }
}

/** Walks a text that JSON.parse accepted, so only strings and brackets need looking at. */
function findKeyFault(text: string, limits: JsonLimits): JsonFault | null {
  const open: (Set<string> | null)[] = [] // one per open bracket: the keys of an object, null for an array
  let keys = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : null)
      if (open.length > limits.depthMax) return { kind: 'too_deep', detail: `nested deeper than ${limits.depthMax}` }
    } else if (character === '}' || character === ']') {
      open.pop()
    } else if (character === '"') {
      const end = endOfString(text, at)
      const seen = open.at(-1)
      if (seen && isKey(text, end)) {
        const key = JSON.parse(text.slice(at, end)) as string
        if (FORBIDDEN_KEYS.has(key) && limits.isAnyKey !== true)
          return { kind: 'forbidden_key', detail: `the key ${JSON.stringify(key)} is refused` }
        if (seen.has(key)) return { kind: 'duplicate_key', detail: `the key ${JSON.stringify(key)} stands twice` }
        seen.add(key)
        keys += 1
        if (keys > limits.keysMax) return { kind: 'too_many_keys', detail: `more than ${limits.keysMax} keys` }
      }
      at = end - 1
    }
  }
  return null
}

/** The index after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

/** A string is a key when a colon follows it; in valid JSON nothing else can. */
function isKey(text: string, end: number): boolean {
  let at = end
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1
  return text[at] === ':'
}
