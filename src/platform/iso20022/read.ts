import { setImmediate as nextTurn } from 'node:timers/promises'
import { SaxesParser, type SaxesTagNS } from 'saxes'
import type { Field, Message, Shape } from './shape.ts'
import { refusedUnread } from './unread.ts'

/** An element that was read, with what it holds. */
export type Node = {
  readonly name: string
  readonly text: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly Node[]
}

export type ReadOutcome =
  | { readonly kind: 'read'; readonly document: Node }
  /** `detail` says what and, where it was being read, in which line. */
  | { readonly kind: 'refused'; readonly detail: string }

type Open = {
  readonly field: Field
  readonly node: { name: string; text: string; attributes: Record<string, string>; children: Node[] }
  /** How far the sequence has come, and how often its present field was there. */
  at: number
  times: number
}

const DEPTH_MAX = 32
const CHUNK_BYTES = 65_536

class Refused extends Error {}

/**
 * Reads a message and holds it against the standard's field lists: names, order, how often, texts, attributes. What XML offers
 * beyond elements and text (document types, entities of one's own, CDATA, instructions, other encodings) is refused before
 * a parser sees it. Elements that the message streams are given to `each` as they end, and are in no tree.
 */
export function readMessage(message: Message, bytes: Uint8Array, bytesMax: number, each?: Each): ReadOutcome {
  const steps = reading(message, bytes, bytesMax, each)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** The same of a large one, so that others have their turn meanwhile. */
export async function readMessageInTurns(
  message: Message,
  bytes: Uint8Array,
  bytesMax: number,
  each?: Each,
): Promise<ReadOutcome> {
  const steps = reading(message, bytes, bytesMax, each)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await nextTurn()
  }
}

type Each = (node: Node) => void

function* reading(
  message: Message,
  bytes: Uint8Array,
  bytesMax: number,
  each: Each = () => {},
): Generator<undefined, ReadOutcome> {
  const unread = refusedUnread(bytes, bytesMax)
  if (unread !== null) return { kind: 'refused', detail: unread }
  const { parser, root } = parserOf(message, each)
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      parser.write(decoder.decode(bytes.subarray(at, at + CHUNK_BYTES), { stream: true }))
      yield
    }
    parser.write(decoder.decode()).close()
  } catch (error) {
    if (error instanceof Refused) return { kind: 'refused', detail: error.message }
    if (error instanceof TypeError && 'code' in error) return { kind: 'refused', detail: 'is not UTF-8' }
    throw error
  }
  const document = root()
  return document === null ? { kind: 'refused', detail: 'is empty' } : { kind: 'read', document }
}

function parserOf({ namespace, document }: Message, each: Each) {
  const parser = new SaxesParser({ xmlns: true, position: true })
  const open: Open[] = []
  let root: Node | null = null
  const refuse = (detail: string): never => {
    throw new Refused(`line ${parser.line}: ${detail}`)
  }
  parser.on('error', (error) => refuse(error.message))
  parser.on('xmldecl', ({ encoding, version }) => {
    if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8')
      refuse(`is in ${encoding.slice(0, 20)}, not in UTF-8`)
    if (version !== undefined && version !== '1.0') refuse('is not XML 1.0')
  })
  parser.on('opentag', (tag) => {
    if (open.length >= DEPTH_MAX) refuse(`is deeper than ${DEPTH_MAX} elements`)
    if (tag.uri !== namespace) refuse(`${shown(tag.local)} is not of ${namespace}`)
    const parent = open.at(-1)
    const field = parent === undefined ? document : fieldIn(parent, tag.local, refuse)
    if (parent === undefined && tag.local !== document.name) refuse(`begins with ${shown(tag.local)}`)
    const attributes = attributesOf(tag, field.shape, refuse)
    open.push({ field, node: { name: tag.local, text: '', attributes, children: [] }, at: 0, times: 0 })
  })
  parser.on('text', (text) => {
    const parent = open.at(-1)
    if (parent === undefined || parent.field.shape.kind === 'anything') return
    if (parent.field.shape.kind === 'text') parent.node.text += text
    else if (/[^ \t\r\n]/.test(text)) refuse(`text stands in ${parent.node.name}`)
  })
  parser.on('closetag', () => {
    const ended = open.pop()
    if (ended === undefined) return
    complete(ended, refuse)
    const parent = open.at(-1)
    if (parent === undefined) root = ended.node
    else if (ended.field.streamed) each(ended.node)
    else if (parent.field.shape.kind !== 'anything') parent.node.children.push(ended.node)
  })
  return { parser, root: () => root }
}

type Refuse = (detail: string) => never

/** The field of the parent that this element is; it moves the parent on. */
function fieldIn(parent: Open, name: string, refuse: Refuse): Field {
  const { shape } = parent.field
  if (shape.kind === 'anything') return { name, shape, min: 0, max: 1, streamed: false }
  if (shape.kind === 'text') return refuse(`${shown(name)} stands in ${parent.node.name}, which is a text`)
  if (shape.kind === 'choice') {
    const chosen = shape.fields.find((field) => field.name === name)
    if (chosen === undefined || parent.times > 0)
      return refuse(`${shown(name)} does not belong in ${parent.node.name} here`)
    parent.times = 1
    return chosen
  }
  for (let at = parent.at; at < shape.fields.length; at += 1) {
    const field = shape.fields[at] as Field
    const times = at === parent.at ? parent.times : 0
    if (field.name === name) {
      if (times >= field.max) return refuse(`${name} stands too often in ${parent.node.name}`)
      parent.at = at
      parent.times = times + 1
      return field
    }
    if (times < field.min) return refuse(`${field.name} is missing in ${parent.node.name}, before ${shown(name)}`)
  }
  return refuse(`${shown(name)} does not belong in ${parent.node.name} here`)
}

function attributesOf(tag: SaxesTagNS, shape: Shape, refuse: Refuse): Record<string, string> {
  const wanted = shape.kind === 'text' ? shape.attributes : {}
  const found: Record<string, string> = {}
  for (const { name, prefix, uri, value } of Object.values(tag.attributes)) {
    if (prefix === 'xmlns' || name === 'xmlns' || uri === 'http://www.w3.org/2001/XMLSchema-instance') continue
    if (shape.kind === 'anything') continue
    if (wanted[name]?.test(value) !== true)
      refuse(`${tag.local} has an attribute ${shown(name)} that it may not have so`)
    found[name] = value
  }
  for (const name of Object.keys(wanted)) if (!(name in found)) refuse(`${tag.local} has no ${name}`)
  return found
}

/** That everything which has to be there is. */
function complete({ field, node, at, times }: Open, refuse: Refuse): void {
  const { shape } = field
  if (shape.kind === 'text' && !shape.pattern.test(node.text)) refuse(`${node.name} is not what it may be`)
  if (shape.kind === 'choice' && times === 0) refuse(`${node.name} is empty`)
  if (shape.kind !== 'sequence') return
  const missing = shape.fields.slice(at).find(({ min }, index) => (index === 0 ? times : 0) < min)
  if (missing !== undefined) refuse(`${missing.name} is missing in ${node.name}`)
}

function shown(name: string): string {
  return name.slice(0, 40)
}

/** The node under `path`, the first at each step; null where there is none. */
export function nodeAt(node: Node, ...path: readonly string[]): Node | null {
  let found: Node | null = node
  for (const name of path) found = found?.children.find((child) => child.name === name) ?? null
  return found
}

/** The text under `path`; null where there is none. */
export function textAt(node: Node, ...path: readonly string[]): string | null {
  return nodeAt(node, ...path)?.text ?? null
}

export function nodesAt(node: Node, name: string): readonly Node[] {
  return node.children.filter((child) => child.name === name)
}
