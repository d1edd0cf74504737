import { ANY, caseless, complement, LINE_END, oneByte } from './byte-set.ts'
import { type Reading, readClass, readEscape } from './parse-class.ts'
import { type Node, PatternFault } from './syntax.ts'

type Flags = { readonly i: boolean; readonly s: boolean; readonly m: boolean }
type State = Reading & { groups: number; readonly names: Map<string, number>; depth: number }

const DEPTH_MAX = 100
const REPEAT_MAX = 1_000

/**
 * Reads a pattern in the syntax of PCRE, as far as rulesets use it, over bytes; `.` takes line ends, and `^` and `$` hold at
 * lines, as in ModSecurity 3. @throws PatternFault
 */
export function parsePattern(text: string, flags: Partial<Flags> = {}): Node {
  const state: State = { text, at: 0, groups: 0, names: new Map(), depth: 0 }
  const node = readOptions(state, { i: false, s: true, m: true, ...flags })
  if (state.at < text.length) throw new PatternFault('a parenthesis is closed that was not opened')
  return node
}

/** Up to the closing parenthesis or the end. Flags that are set inside hold up to there. */
function readOptions(state: State, given: Flags): Node {
  let flags = given
  const options: Node[] = []
  let items: Node[] = []
  state.depth += 1
  if (state.depth > DEPTH_MAX) throw new PatternFault(`parentheses are nested deeper than ${DEPTH_MAX}`)
  while (state.at < state.text.length && state.text[state.at] !== ')') {
    const set = /^\(\?([ism]*)(?:-([ism]+))?\)/.exec(state.text.slice(state.at, state.at + 12))
    if (set !== null) {
      state.at += set[0].length
      flags = flagsWith(flags, set[1], set[2])
    } else if (state.text[state.at] === '|') {
      state.at += 1
      options.push({ kind: 'all', items })
      items = []
    } else {
      items.push(readRepeated(state, readAtom(state, flags)))
    }
  }
  state.depth -= 1
  if (options.length === 0) return items.length === 1 && items[0] !== undefined ? items[0] : { kind: 'all', items }
  return { kind: 'either', options: [...options, { kind: 'all', items }] }
}

function flagsWith(flags: Flags, on = '', off = ''): Flags {
  const is = (name: keyof Flags): boolean => (on.includes(name) || flags[name]) && !off.includes(name)
  return { i: is('i'), s: is('s'), m: is('m') }
}

function readAtom(state: State, flags: Flags): Node {
  const { text } = state
  const character = text[state.at] ?? ''
  if (character === '(') return readGroup(state, flags)
  if (character === '[') return { kind: 'set', set: readClass(state, flags.i) }
  if (character === '\\') return readBackslash(state, flags)
  if ('*+?'.includes(character)) throw new PatternFault(`there is nothing that ${character} could repeat`)
  state.at += 1
  if (character === '.') return { kind: 'set', set: flags.s ? ANY : complement(LINE_END) }
  if (character === '^') return { kind: 'place', place: flags.m ? 'lineStart' : 'start' }
  if (character === '$') return { kind: 'place', place: flags.m ? 'lineEnd' : 'end' }
  const byte = character.charCodeAt(0)
  if (byte > 255) throw new PatternFault(`${character} is no byte`)
  return { kind: 'set', set: flags.i ? caseless(oneByte(byte)) : oneByte(byte) }
}

const PLACES: Readonly<Record<string, Extract<Node, { kind: 'place' }>['place']>> = {
  b: 'edge',
  B: 'noEdge',
  A: 'start',
  z: 'end',
  Z: 'end',
}

function readBackslash(state: State, flags: Flags): Node {
  const name = state.text[state.at + 1] ?? ''
  const place = PLACES[name]
  if (place !== undefined) {
    state.at += 2
    return { kind: 'place', place }
  }
  const set = readEscape(state, false)
  if (set !== null) return { kind: 'set', set: flags.i ? caseless(set) : set }
  const index = /^\\([1-9]\d?)/.exec(state.text.slice(state.at, state.at + 3))
  if (index === null) throw new PatternFault(`\\${name} is not known`)
  state.at += index[0].length
  return { kind: 'again', index: Number(index[1]) }
}

const LOOKS: Readonly<Record<string, { readonly ahead: boolean; readonly negative: boolean }>> = {
  '(?=': { ahead: true, negative: false },
  '(?!': { ahead: true, negative: true },
  '(?<=': { ahead: false, negative: false },
  '(?<!': { ahead: false, negative: true },
}

function readGroup(state: State, flags: Flags): Node {
  const head = state.text.slice(state.at, state.at + 60)
  const [look] = /^\(\?<?[=!]/.exec(head) ?? []
  const [plain, on, off] = /^\(\?(?:([ism]*)(?:-([ism]+))?:|>)/.exec(head) ?? []
  const [named] = /^\(\?(?:P?<|')[A-Za-z_]\w*[>']/.exec(head) ?? []
  const opening = look ?? plain ?? named ?? '('
  if (opening === '(' && head.startsWith('(?')) throw new PatternFault(`${head.slice(0, 4)} is not known`)
  const index = opening === '(' || named !== undefined ? ++state.groups : null
  state.at += opening.length
  const item = readOptions(state, plain === undefined ? flags : flagsWith(flags, on, off))
  if (state.text[state.at] !== ')') throw new PatternFault('a parenthesis is not closed')
  state.at += 1
  const looking = look === undefined ? undefined : LOOKS[look]
  if (plain === '(?>') return { kind: 'atomic', item }
  return looking === undefined ? { kind: 'group', item, index } : { kind: 'look', ...looking, item }
}

function readRepeated(state: State, atom: Node): Node {
  const quantifier = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})([?+]?)/
  const match = quantifier.exec(state.text.slice(state.at, state.at + 20))
  if (match === null) return atom
  const [whole, sign, least = '0', comma, most, kind] = match
  const min = sign === undefined ? Number(least) : sign === '+' ? 1 : 0
  const max = sign === undefined ? (comma === '' ? min : most === '' ? null : Number(most)) : sign === '?' ? 1 : null
  if (Math.max(min, max ?? 0) > REPEAT_MAX) throw new PatternFault(`${whole} repeats more than ${REPEAT_MAX} times`)
  if (max !== null && max < min) throw new PatternFault(`${whole} ends before it begins`)
  state.at += whole.length
  if (quantifier.test(state.text.slice(state.at, state.at + 20))) throw new PatternFault(`${whole} can not be repeated`)
  const repeat: Node = { kind: 'repeat', item: atom, min, max, lazy: kind === '?' }
  return kind === '+' ? { kind: 'atomic', item: repeat } : repeat
}
