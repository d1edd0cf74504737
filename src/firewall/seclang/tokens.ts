import { type Place, type RulesetFile, SyntaxFault } from './place.ts'

/** One word of a directive, without its quotes, and where its text begins in the directive. */
export type Token = { readonly text: string; readonly at: number }

/** One directive, which may go on over several lines by a backslash at their ends. */
export type Line = { readonly tokens: readonly Token[]; placeOf(at: number): Place }

const FILE_CHARACTERS_MAX = 16_000_000

/** Parts a file into directives. Comments and empty lines are passed over. @throws SyntaxFault */
export function* readLines({ path: file, text }: RulesetFile): Generator<Line> {
  if (text.length > FILE_CHARACTERS_MAX) {
    throw new SyntaxFault({ file, line: 1, column: 1 }, 'too-large', `more than ${FILE_CHARACTERS_MAX} characters`)
  }
  const physical = text.split('\n')
  for (let index = 0; index < physical.length; index++) {
    const parts: { readonly from: number; readonly line: number }[] = []
    let joined = ''
    for (;;) {
      const one = (physical[index] ?? '').replace(/\r$/, '')
      parts.push({ from: joined.length, line: index + 1 })
      const goesOn = one.endsWith('\\') && index + 1 < physical.length && !/^\s*#/.test(joined === '' ? one : '')
      joined += goesOn ? one.slice(0, -1) : one
      if (!goesOn) break
      index += 1
    }
    if (/^\s*(?:#|$)/.test(joined)) continue
    const placeOf = (at: number): Place => {
      const part = parts.findLast(({ from }) => from <= at)
      return { file, line: part?.line ?? 1, column: at - (part?.from ?? 0) + 1 }
    }
    yield { tokens: tokensOf(joined, placeOf), placeOf }
  }
}

/** Words parted by white space; within double quotes `\"` is a quote and all else stands as it is. */
function tokensOf(text: string, placeOf: (at: number) => Place): readonly Token[] {
  const tokens: Token[] = []
  const word = /\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s"]\S*)|(?="))/y
  while (word.lastIndex < text.length) {
    const from = word.lastIndex
    const match = word.exec(text)
    if (match === null) break // only white space is left
    const [whole, quoted, plain] = match
    if (quoted === undefined && plain === undefined) {
      throw new SyntaxFault(placeOf(from + whole.length), 'unclosed-quote', 'the quote is not closed')
    }
    const word0 = quoted?.replaceAll('\\"', '"') ?? plain ?? ''
    tokens.push({ text: word0, at: from + whole.length - (quoted === undefined ? word0.length : quoted.length + 1) })
  }
  return tokens
}
