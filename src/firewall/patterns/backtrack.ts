import { type ByteSet, hasByte, WORD } from './byte-set.ts'
import type { Node } from './syntax.ts'

/** The steps that a request may still take; what uses them up throws. */
export type Steps = { left: number }

/** A request takes more steps than it may. */
export class OutOfSteps extends Error {}

type Repeat = Extract<Node, { kind: 'repeat' }>
type Captures = (readonly [from: number, to: number] | undefined)[]
/** The stack bears more. */
const DEPTH_MAX = 1_500
/** Tries to go on at a place of the text. */
type Next = (at: number) => boolean

/**
 * Matches a pattern by trying, for the few that look ahead or ask for a part again, which no linear engine takes. Each step
 * is counted, so that no text makes it run on. @returns the captures, the whole match first; null: no match @throws OutOfSteps
 */
export function matchByTrying(pattern: Node, text: string, steps: Steps): readonly (string | undefined)[] | null {
  const captures: Captures = []
  let depth = 0
  for (let from = 0; from <= text.length; from++) {
    captures.length = 0
    let end = -1
    const matches = attempt(pattern, from, (at) => {
      end = at
      return true
    })
    if (matches) return [text.slice(from, end), ...Array.from(captures, (one) => one && text.slice(...one)).slice(1)]
  }
  return null

  function attempt(node: Node, at: number, next: Next): boolean {
    steps.left -= 1
    depth += 1
    if (steps.left < 0 || depth > DEPTH_MAX) throw new OutOfSteps('a pattern takes too many steps')
    const matches = attemptNode(node, at, next)
    depth -= 1
    return matches
  }

  function attemptNode(node: Node, at: number, next: Next): boolean {
    switch (node.kind) {
      case 'set':
        return at < text.length && hasByte(node.set, text.charCodeAt(at) & 255) && next(at + 1)
      case 'all':
        return attemptAll(node.items, 0, at, next)
      case 'either':
        return node.options.some((option) => attempt(option, at, next))
      case 'repeat':
        return node.item.kind === 'set'
          ? attemptRun(node, node.item.set, at, next)
          : attemptRepeat(node, 0, at, -1, next)
      case 'atomic': {
        let end = -1
        const matches = attempt(node.item, at, (then) => {
          end = then
          return true
        })
        return matches && next(end)
      }
      case 'group':
        return node.index === null ? attempt(node.item, at, next) : attemptGroup(node.item, node.index, at, next)
      case 'place':
        return holds(node.place, text, at) && next(at)
      case 'look':
        return looks(node, at) !== node.negative && next(at)
      case 'again': {
        const one = captures[node.index]
        const part = one === undefined ? null : text.slice(...one)
        return part !== null && text.startsWith(part, at) && next(at + part.length)
      }
    }
  }

  function attemptAll(items: readonly Node[], index: number, at: number, next: Next): boolean {
    const item = items[index]
    if (item === undefined) return next(at)
    return attempt(item, at, (then) => attemptAll(items, index + 1, then, next))
  }

  /** Bytes of one set, one after the other: by a loop, for there may be many. */
  function attemptRun({ min, max, lazy }: Repeat, set: ByteSet, at: number, next: Next): boolean {
    const most = Math.min(text.length - at, max ?? text.length)
    let count = 0
    const limit = lazy ? min : most
    while (count < limit && hasByte(set, text.charCodeAt(at + count) & 255)) count += 1
    steps.left -= count / 8
    if (!lazy) {
      for (; count >= min; count--) if (next(at + count)) return true
      return false
    }
    for (; count >= min && count <= most; count++) {
      if (next(at + count)) return true
      if (!hasByte(set, text.charCodeAt(at + count) & 255) || at + count >= text.length) return false
    }
    return false
  }

  function attemptRepeat(node: Repeat, times: number, at: number, last: number, next: Next): boolean {
    const { item, min, max, lazy } = node
    if (times >= min && at === last) return next(at) // an empty round would go on for ever
    const more = (): boolean =>
      (max === null || times < max) && attempt(item, at, (then) => attemptRepeat(node, times + 1, then, at, next))
    if (times < min) return more()
    return lazy ? next(at) || more() : more() || next(at)
  }

  function attemptGroup(item: Node, index: number, at: number, next: Next): boolean {
    const before = captures[index]
    const matches = attempt(item, at, (then) => {
      const inner = captures[index]
      captures[index] = [at, then]
      if (next(then)) return true
      captures[index] = inner
      return false
    })
    if (!matches) captures[index] = before
    return matches
  }

  function looks({ ahead, item }: Extract<Node, { kind: 'look' }>, at: number): boolean {
    if (ahead) return attempt(item, at, () => true)
    for (let from = at; from >= 0; from--) if (attempt(item, from, (end) => end === at)) return true
    return false
  }
}

function holds(place: Extract<Node, { kind: 'place' }>['place'], text: string, at: number): boolean {
  const isWord = (index: number): boolean =>
    index >= 0 && index < text.length && hasByte(WORD, text.charCodeAt(index) & 255)
  switch (place) {
    case 'start':
      return at === 0
    case 'end':
      return at === text.length
    case 'lineStart':
      return at === 0 || text[at - 1] === '\n'
    case 'lineEnd':
      return at === text.length || text[at] === '\n'
    case 'edge':
      return isWord(at - 1) !== isWord(at)
    case 'noEdge':
      return isWord(at - 1) === isWord(at)
  }
}
