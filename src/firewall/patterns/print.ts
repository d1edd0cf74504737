import { type ByteSet, bytesOf, complement } from './byte-set.ts'
import type { Node } from './syntax.ts'

/** Whether the linear engine takes it: it looks not ahead, asks for nothing again, and gives back what it took. */
export function isRegular(node: Node): boolean {
  switch (node.kind) {
    case 'look':
      return !node.ahead && isRegular(node.item)
    case 'again':
    case 'atomic':
      return false
    case 'all':
      return node.items.every(isRegular)
    case 'either':
      return node.options.every(isRegular)
    case 'repeat':
    case 'group':
      return isRegular(node.item)
    default:
      return true
  }
}

const PLACES = {
  start: '\\A',
  end: '\\z',
  lineStart: '(?m:^)',
  lineEnd: '(?m:$)',
  edge: '\\b',
  noEdge: '\\B',
} as const

/** A pattern in the syntax of the linear engine. */
export function printPattern(node: Node): string {
  switch (node.kind) {
    case 'set':
      return printSet(node.set)
    case 'all':
      return node.items.map(printPart).join('')
    case 'either':
      return node.options.map(printPattern).join('|')
    case 'repeat': {
      const { item, min, max, lazy } = node
      const times = max === null ? (min === 0 ? '*' : min === 1 ? '+' : `{${min},}`) : `{${min},${max}}`
      return `(?:${printPattern(item)})${min === 0 && max === 1 ? '?' : times}${lazy ? '?' : ''}`
    }
    case 'group':
      return node.index === null ? `(?:${printPattern(node.item)})` : `(${printPattern(node.item)})`
    case 'place':
      return PLACES[node.place]
    case 'look':
      return `(?${node.ahead ? '' : '<'}${node.negative ? '!' : '='}${printPattern(node.item)})`
    case 'again':
      return `\\${node.index}`
    case 'atomic':
      return `(?>${printPattern(node.item)})`
  }
}

function printPart(node: Node): string {
  return node.kind === 'either' ? `(?:${printPattern(node)})` : printPattern(node)
}

function printSet(set: ByteSet): string {
  const bytes = bytesOf(set)
  if (bytes.length === 256) return '(?s:.)'
  if (bytes.length === 0) return '[^\\x00-\\x{10FFFF}]'
  if (bytes.length === 1) return printByte(bytes[0] ?? 0)
  return bytes.length > 128 ? `[^${printRanges(bytesOf(complement(set)))}]` : `[${printRanges(bytes)}]`
}

function printRanges(bytes: readonly number[]): string {
  let text = ''
  for (let from = 0; from < bytes.length; ) {
    let to = from
    while (bytes[to + 1] === (bytes[to] ?? 0) + 1) to += 1
    text += printByte(bytes[from] ?? 0) + (to === from ? '' : `-${printByte(bytes[to] ?? 0)}`)
    from = to + 1
  }
  return text
}

function printByte(byte: number): string {
  const character = String.fromCharCode(byte)
  return /[A-Za-z0-9]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, '0')}`
}
