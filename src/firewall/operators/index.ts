import { isMarkupInjection } from '../detect/markup-injection.ts'
import { isSqlInjection } from '../detect/sql-injection.ts'
import { isSqlStatement } from '../detect/sql-statement.ts'
import type { Steps } from '../patterns/backtrack.ts'
import { bytesIn } from '../patterns/byte-set.ts'
import { createPattern, PATTERN_CHARS_MAX, type Pattern } from '../patterns/pattern.ts'
import { PatternFault } from '../patterns/syntax.ts'
import type { RulesetFile } from '../seclang/place.ts'
import { ipMatch } from './addresses.ts'
import { isCardNumber, validateByteRange, validateUrlEncoding, validateUtf8Encoding } from './bytes.ts'
import { compareOperator } from './compare.ts'
import { readMacro } from './macro.ts'
import { type Macro, type Match, type Matched, YES } from './operator.ts'
import { phrases, phrasesIn, phrasesOfFile } from './phrases.ts'

/** Files that operators name, and the folder of the file that names them, with a last `/`. */
export type Beside = { readonly folder: string; readonly files: readonly RulesetFile[] }

/** Compiles an operator. The text is why it can't be. */
export function compileOperator(name: string, argument: string, beside: Beside): Match | string {
  const small = name.toLowerCase()
  const compared = compareOperator(small, argument)
  if (compared !== null) return compared
  switch (small) {
    case 'rx':
    case 'rxglobal':
      return rx(argument)
    case 'pm':
      return phrases(phrasesIn(argument))
    case 'pmf':
    case 'pmfromfile':
      return fromFiles(argument, beside, (text) => phrases(phrasesOfFile(text)))
    case 'ipmatch':
      return ipMatch(argument)
    case 'ipmatchf':
    case 'ipmatchfromfile':
      return fromFiles(argument, beside, (text) => ipMatch(phrasesOfFile(text).join(' ')))
    case 'validatebyterange':
      return validateByteRange(argument)
    case 'validateurlencoding':
      return validateUrlEncoding
    case 'validateutf8encoding':
      return validateUtf8Encoding
    case 'detectsqli':
      return { required: null, match: (text, { steps }) => (isSqlInjection(text, steps) ? YES : null) }
    case 'detectstatement':
      return { required: null, match: (text, { steps }) => (isSqlStatement(text, steps) ? YES : null) }
    case 'detectxss':
      return {
        required: [{ anyOf: null, bytes: [bytesIn([0x3c, 0x3d])] }],
        match: (text, { steps }) => (isMarkupInjection(text, steps) ? YES : null),
      }
    case 'verifycc':
      return verifyCard(argument)
    case 'geolookup':
      return geoLookup
    case 'rbl':
      return NEVER // its own finding says so
    case 'nomatch':
      return NEVER
    case 'unconditionalmatch':
      return { required: null, match: () => YES }
    default:
      return `there is no operator @${name} here`
  }
}

const NEVER: Match = { required: null, match: () => null }

const geoLookup: Match = {
  required: null,
  isOfRequest: true,
  match(_text, around) {
    if (around.country === '') return null
    around.locate(around.country)
    return YES
  },
}

function rx(argument: string): Match | string {
  if (argument.length > PATTERN_CHARS_MAX) return `a pattern has at most ${PATTERN_CHARS_MAX} characters`
  const macro = readMacro(argument)
  if (macro.fixed === null) return changingPattern(macro)
  try {
    const pattern = createPattern(argument)
    return {
      required: pattern.required,
      match: (text, { steps }, captures) => matchPattern(pattern, text, steps, captures),
    }
  } catch (error) {
    if (error instanceof PatternFault) return error.message
    throw error
  }
}

/** A pattern with parts that the ruleset sets for each request, mostly to the same: the last one is kept. */
function changingPattern(macro: Macro): Match {
  let last: { readonly text: string; readonly pattern: Pattern | null } | null = null
  return {
    required: null,
    macro,
    match(text, around, captures) {
      const written = around.expand(macro).slice(0, PATTERN_CHARS_MAX)
      if (last?.text !== written) {
        around.steps.left -= COMPILE_STEPS
        last = { text: written, pattern: patternOf(written) }
      }
      return last.pattern === null ? null : matchPattern(last.pattern, text, around.steps, captures)
    },
  }
}

/** Whether it matches is told much faster than what. */
function matchPattern(pattern: Pattern, text: string, steps: Steps, captures: boolean): Matched | null {
  return captures ? pattern.captures(text, steps) : pattern.test(text, steps) ? YES : null
}

const COMPILE_STEPS = 5_000

/** Null where it is none: nothing matches it. */
function patternOf(text: string): Pattern | null {
  try {
    return createPattern(text)
  } catch (error) {
    if (error instanceof PatternFault) return null
    throw error
  }
}

function verifyCard(argument: string): Match | string {
  const found = rx(argument)
  if (typeof found === 'string') return found
  return {
    required: found.required,
    match(text, around) {
      const matched = found.match(text, around, true)
      return matched !== null && isCardNumber(matched[0] ?? '') ? matched : null
    },
  }
}

/** From files beside the ruleset's, all of them together. */
function fromFiles(argument: string, { folder, files }: Beside, of: (text: string) => Match | string): Match | string {
  const texts: string[] = []
  for (const name of argument.split(/\s+/)) {
    const file = files.find(({ path }) => path === name || path === `${folder}${name}`)
    if (file === undefined) return `there is no file ${folder}${name}`
    texts.push(file.text)
  }
  return of(texts.join('\n'))
}
