import { inSmallLetters } from '../patterns/byte-set.ts'
import { readMacro } from './macro.ts'
import { type Macro, type Match, type Surroundings, YES } from './operator.ts'

/** As C's `atoi`: the digits at the beginning, else 0. */
export function numberIn(text: string): number {
  if (text === '') return 0
  const first = text.charCodeAt(0)
  if (text.length === 1 && first >= ZERO && first <= NINE) return first - ZERO // most are
  const digits = /^\s*([+-]?\d{1,15})/.exec(text)?.[1]
  return digits === undefined ? 0 : Number(digits)
}

const [ZERO, NINE] = [0x30, 0x39]

const NUMBERS: Readonly<Record<string, (value: number, other: number) => boolean>> = {
  eq: (value, other) => value === other,
  ge: (value, other) => value >= other,
  gt: (value, other) => value > other,
  le: (value, other) => value <= other,
  lt: (value, other) => value < other,
}

const isWordAt = (text: string, at: number): boolean => /\w/.test(text[at] ?? '')

const TEXTS: Readonly<Record<string, (text: string, other: string) => boolean>> = {
  beginswith: (text, other) => text.startsWith(other),
  contains: (text, other) => text.includes(other),
  containsword: hasWord,
  endswith: (text, other) => text.endsWith(other),
  streq: (text, other) => text === other,
  strmatch: (text, other) => text.includes(other),
  within: (text, other) => other.includes(text),
}

function hasWord(text: string, other: string): boolean {
  if (other === '') return true
  for (let at = text.indexOf(other); at >= 0; at = text.indexOf(other, at + 1)) {
    if (!isWordAt(text, at - 1) && !isWordAt(text, at + other.length)) return true
  }
  return false
}

/** The operators that compare a value with a number or a text; null when the name is another's. */
export function compareOperator(name: string, argument: string): Match | null {
  const macro = readMacro(argument)
  const settled = (text: string): Match | null => (text.includes('%{') ? null : compareOperator(name, text))
  const numbers = NUMBERS[name]
  if (numbers !== undefined) {
    const fixed = macro.fixed === null ? null : numberIn(macro.fixed)
    return {
      ...plain(macro, null, (text, around) => numbers(numberIn(text), fixed ?? numberIn(around.expand(macro)))),
      settled,
    }
  }
  const texts = TEXTS[name]
  if (texts === undefined) return null
  const literal =
    name !== 'within' && macro.fixed !== null && macro.fixed.length > 1 ? inSmallLetters(macro.fixed) : null
  const required = literal === null ? null : [{ anyOf: [literal], bytes: [] }]
  return { ...plain(macro, required, (text, around) => texts(text, macro.fixed ?? around.expand(macro))), settled }
}

function plain(
  macro: Macro,
  required: Match['required'],
  holds: (text: string, around: Surroundings) => boolean,
): Match {
  return { required, macro, match: (text, around) => (holds(text, around) ? YES : null) }
}
