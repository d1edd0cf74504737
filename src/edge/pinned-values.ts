import { PatternFault, parsePattern } from '../firewall/index.ts'
import type { JsonSchema } from './openapi-body.ts'

/** What no attack can be written with alone. */
const HARMLESS = /^[A-Za-z0-9_.:-]$/
const DEPTH_MAX = 32

/** Types whose values are not texts. */
const PLAIN_TYPES: readonly unknown[] = ['number', 'integer', 'boolean', 'null']

/**
 * Tells of a route's body in which places only harmless text may stand: numbers, words of a list, and texts whose pattern
 * takes nothing but letters, digits, `_`, `.`, `:` and `-`. Signatures need not look there, since the schema was held
 * against the body before. What the schema leaves open is looked at.
 */
export function pinnedValues(schema: JsonSchema): (pointer: readonly string[]) => boolean {
  const known = new Map<string, boolean>()
  return (pointer) => {
    const key = pointer.map((part) => (/^\d+$/.test(part) ? '*' : part)).join('\0')
    let isPinned = known.get(key)
    if (isPinned === undefined) {
      isPinned = isPinnedAt(schema, schema, pointer, 0)
      if (known.size < KNOWN_MAX) known.set(key, isPinned)
    }
    return isPinned
  }
}

/** Clients name what a schema leaves open. */
const KNOWN_MAX = 1_000

function isPinnedAt(root: JsonSchema, schema: JsonSchema, pointer: readonly string[], depth: number): boolean {
  if (depth > DEPTH_MAX) return false
  const reference = schema['$ref']
  if (typeof reference === 'string') {
    const target = targetOf(root, reference)
    return target !== null && isPinnedAt(root, target, pointer, depth + 1)
  }
  for (const key of ['anyOf', 'oneOf'] as const) {
    const options = schema[key]
    if (!Array.isArray(options)) continue
    return options.length > 0 && options.every((option) => isPinnedAt(root, option as JsonSchema, pointer, depth + 1))
  }
  const [first, ...rest] = pointer
  if (first === undefined) return isHarmless(schema)
  const properties = schema['properties'] as Readonly<Record<string, JsonSchema>> | undefined
  const items = schema['items']
  const inner =
    schema['type'] === 'array' ? items : Object.hasOwn(properties ?? {}, first) ? properties?.[first] : undefined
  return typeof inner === 'object' && inner !== null && isPinnedAt(root, inner as JsonSchema, rest, depth + 1)
}

function targetOf(root: JsonSchema, reference: string): JsonSchema | null {
  if (!reference.startsWith('#/')) return null
  const parts = reference
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const found = parts.reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], root)
  return typeof found === 'object' && found !== null ? (found as JsonSchema) : null
}

function isHarmless(schema: JsonSchema): boolean {
  const words = 'const' in schema ? [schema['const']] : schema['enum']
  if (Array.isArray(words)) return true // whoever wrote the schema chose them
  if (PLAIN_TYPES.includes(schema['type'])) return true
  return schema['type'] === 'string' && typeof schema['pattern'] === 'string' && isHarmlessPattern(schema['pattern'])
}

/** Tied to both ends, without a choice outside of parentheses, and of harmless bytes alone. */
function isHarmlessPattern(pattern: string): boolean {
  if (!/^\^.*\$$/s.test(pattern) || pattern.endsWith('\\$')) return false
  try {
    const node = parsePattern(pattern.slice(1, -1), { m: false })
    return node.kind !== 'either' && hasOnly(node)
  } catch (error) {
    if (error instanceof PatternFault) return false
    throw error
  }
}

function hasOnly(node: ReturnType<typeof parsePattern>): boolean {
  switch (node.kind) {
    case 'set':
      return Array.from({ length: 256 }, (_, byte) => byte).every(
        (byte) => (((node.set[byte >> 5] ?? 0) >>> (byte & 31)) & 1) === 0 || HARMLESS.test(String.fromCharCode(byte)),
      )
    case 'all':
      return node.items.every(hasOnly)
    case 'either':
      return node.options.every(hasOnly)
    case 'repeat':
    case 'group':
    case 'atomic':
      return hasOnly(node.item)
    case 'look':
      return true
    case 'place':
      return true
    case 'again':
      return true
  }
}
