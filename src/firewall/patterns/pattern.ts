import { RE2JS } from 're2js'
import { matchByTrying, type Steps } from './backtrack.ts'
import { parsePattern } from './parse.ts'
import { isRegular, printPattern } from './print.ts'
import { type Required, requiredOf } from './required.ts'
import type { Node } from './syntax.ts'

export const PATTERN_CHARS_MAX = 20_000
/** A text of this length costs a step, beside those that a pattern counts itself. */
const CHARS_PER_STEP = 8

/** A pattern that never runs away: linear in the text, or counted step by step. */
export interface Pattern {
  readonly required: readonly Required[]
  /** @throws OutOfSteps */
  test(text: string, steps: Steps): boolean
  /** The whole match, then each capture; null: no match. @throws OutOfSteps */
  captures(text: string, steps: Steps): readonly (string | undefined)[] | null
}

/**
 * Patterns that were read lately, by their text: an edit of the policies leaves nearly all of a ruleset as it was. It is emptied
 * when it is full.
 */
const known = new Map<string, Pattern>()
const KNOWN_MAX = 4_000

/** Reads a pattern at once, and compiles it when it is asked for the first time. @throws PatternFault */
export function createPattern(text: string, flags: { readonly i?: boolean } = {}): Pattern {
  const key = `${flags.i === true} ${text}`
  const before = known.get(key)
  if (before !== undefined) return before
  const node = parsePattern(text, flags)
  const pattern = isRegular(node) ? linear(node) : tried(node)
  if (known.size >= KNOWN_MAX) known.clear()
  known.set(key, pattern)
  return pattern
}

function linear(node: Node): Pattern {
  let compiled: RE2JS | null = null
  const printed = printPattern(node)
  const flags = /\(\?<[=!]/.test(printed) ? RE2JS.LOOKBEHINDS : 0 // they cost others their fast way
  const engine = (text: string, steps: Steps): RE2JS => {
    steps.left -= 1 + text.length / CHARS_PER_STEP
    compiled ??= RE2JS.compile(printed, flags)
    return compiled
  }
  return {
    required: requiredOf(node),
    test: (text, steps) => engine(text, steps).test(text),
    captures(text, steps) {
      const found = engine(text, steps)
      if (!found.test(text)) return null // told much sooner than what was captured
      const matcher = found.matcher(text)
      if (!matcher.find()) return null
      return Array.from({ length: matcher.groupCount() + 1 }, (_, index) => matcher.group(index) ?? undefined)
    },
  }
}

function tried(node: Node): Pattern {
  const captures = (text: string, steps: Steps) => matchByTrying(node, text, steps)
  return { required: requiredOf(node), captures, test: (text, steps) => captures(text, steps) !== null }
}
