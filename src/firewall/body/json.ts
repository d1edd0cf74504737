import { parseStrictJson } from '../../kernel/strict-json.ts'
import type { BodyFields } from '../engine/variables.ts'
import { bytesOfText } from '../request/wire-request.ts'

const VALUES_MAX = 20_000
const DEPTH_MAX = 512

/**
 * Each value by its path, `json.amount.value`, each element of a list by `json.tags.array_0`. A key that stands twice is an error: of
 * its values the one that we would not see could be the one that is taken. `pinned` is there where a schema was held against the body,
 * for which it was read as strictly before.
 */
export function readJson(text: string, pinned: ((pointer: readonly string[]) => boolean) | null): Partial<BodyFields> {
  const limits = { depthMax: DEPTH_MAX, keysMax: VALUES_MAX, isAnyKey: true }
  const read = pinned === null ? parseStrictJson(Buffer.from(text, 'latin1'), limits) : readAgain(text)
  if ('kind' in read) return { error: `of the JSON: ${read.detail}` }
  const { value } = read
  const args: (readonly [string, string])[] = []
  const fault = walk(value, 'json', [], 0)
  return fault === null ? { args } : { error: fault }

  function walk(inner: unknown, name: string, pointer: readonly string[], depth: number): string | null {
    if (depth > DEPTH_MAX) return `the JSON is nested deeper than ${DEPTH_MAX}`
    if (args.length >= VALUES_MAX) return `the JSON has more than ${VALUES_MAX} values`
    if (typeof inner !== 'object' || inner === null) {
      if (pinned === null || !pinned(pointer)) args.push([bytesOfText(name), bytesOfText(String(inner ?? ''))])
      return null
    }
    const isList = Array.isArray(inner)
    for (const [key, each] of Object.entries(inner)) {
      const found = walk(each, isList ? `${name}.array_${key}` : `${name}.${key}`, [...pointer, key], depth + 1)
      if (found !== null) return found
    }
    return null
  }
}

function readAgain(text: string): ReturnType<typeof parseStrictJson> {
  try {
    return { value: JSON.parse(/[\x80-\xff]/.test(text) ? Buffer.from(text, 'latin1').toString('utf8') : text) }
  } catch {
    return { kind: 'syntax', detail: 'the body is not JSON' }
  }
}
