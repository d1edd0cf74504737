import { RE2JS, RE2JSException } from 're2js'

export const PATTERN_CHARS_MAX = 500
/** What the engine does for one character of a text is at most proportional to this. */
const PATTERN_INSTRUCTIONS_MAX = 1_000

/** A pattern that matches in time linear in the text, whatever the text. */
export type Pattern = {
  /** Whether it matches anywhere in the text: `^` and `$` tie it to the ends. */
  readonly matches: (text: string) => boolean
}

/** Compiles RE2 syntax, as CEL has it: no look-around, no back references. The text is why it is refused. */
export function compilePattern(pattern: string): Pattern | string {
  if (pattern.length > PATTERN_CHARS_MAX) return `a pattern has at most ${PATTERN_CHARS_MAX} characters`
  try {
    const compiled = RE2JS.compile(pattern)
    if (compiled.programSize() > PATTERN_INSTRUCTIONS_MAX) return 'the pattern is too large: it repeats too much'
    return { matches: (text) => compiled.test(text) }
  } catch (error) {
    if (error instanceof RE2JSException) return error.message
    throw error
  }
}
