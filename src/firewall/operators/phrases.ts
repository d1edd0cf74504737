import { inSmallLetters } from '../patterns/byte-set.ts'
import type { Match } from './operator.ts'

const PHRASES_MAX = 50_000

/** Matches a text that has one of the phrases, in any case. */
export function phrases(all: readonly string[]): Match | string {
  const small = [...new Set(all.map((phrase) => inSmallLetters(phrase)))].filter((phrase) => phrase !== '')
  if (small.length > PHRASES_MAX) return `more than ${PHRASES_MAX} phrases`
  return {
    required: [{ anyOf: small, bytes: [] }],
    isDecidedByLiterals: true,
    match(text: string) {
      const within = inSmallLetters(text)
      const found = small.find((phrase) => within.includes(phrase))
      return found === undefined ? null : [found]
    },
  }
}

/** Phrases parted by white space, with bytes as `|41 42|`. */
export function phrasesIn(argument: string): readonly string[] {
  const spelled = argument.replace(/\|((?:[0-9a-fA-F]{2}\s?)+)\|/g, (_, digits: string) =>
    Buffer.from(digits.replace(/\s/g, ''), 'hex').toString('latin1'),
  )
  return spelled.split(/\s+/)
}

/** One phrase a line; lines that begin with `#` are comments. */
export function phrasesOfFile(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}
