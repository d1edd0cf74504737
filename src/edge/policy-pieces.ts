import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { assert } from '../kernel/assert.ts'
import { assembleBundle, type Bundle, type Checked, type CheckedRule } from '../policy/index.ts'

/**
 * What was checked, on its way from one thread to another. Reading a message takes the thread that reads it; so rules and
 * the texts of lists, of which there may be very many, lie in a port of their own, in pieces of about a millisecond.
 */
export type Shipment = {
  /** Its lists have no texts yet. */
  readonly checked: Checked
  readonly textPieces: number
  readonly rulesCount: number
  readonly port: MessagePort
}

type TextPiece = { readonly list: number; readonly texts: readonly string[] }

const RULES_PER_PIECE = 25
const TEXTS_PER_PIECE = 2_000

/** `port` of the result is to be transferred. */
export function pack(checked: Checked, rules: readonly CheckedRule[]): Shipment {
  const { port1, port2 } = new MessageChannel()
  let textPieces = 0
  for (const [list, { texts }] of checked.lists.lists.entries()) {
    for (const piece of inPieces([...texts], TEXTS_PER_PIECE)) {
      port1.postMessage({ list, texts: piece } satisfies TextPiece)
      textPieces += 1
    }
  }
  for (const piece of inPieces(rules, RULES_PER_PIECE)) port1.postMessage(piece)
  port1.close()
  return { checked: withTexts(checked, () => new Set()), textPieces, rulesCount: rules.length, port: port2 }
}

/** Makes the bundle, and pauses after each piece. @throws AssertionFailed when a piece is missing */
export function* unpack({ checked, textPieces, rulesCount, port }: Shipment): Generator<void, Bundle, void> {
  const texts = checked.lists.lists.map(() => new Set<string>())
  for (let piece = 0; piece < textPieces; piece++) {
    const { list, texts: more } = take(port) as TextPiece
    for (const text of more) texts[list]?.add(text)
    yield
  }
  const whole = withTexts(checked, (list) => texts[list] ?? new Set())
  return yield* assembleBundle(whole, rulesFrom(port, rulesCount))
}

function* rulesFrom(port: MessagePort, rulesCount: number): Generator<readonly CheckedRule[]> {
  for (let count = 0; count < rulesCount; ) {
    const rules = take(port) as readonly CheckedRule[]
    count += rules.length
    yield rules
  }
}

function take(port: MessagePort): unknown {
  const next: { readonly message: unknown } | undefined = receiveMessageOnPort(port)
  assert(next !== undefined, 'the port holds every piece that was sent')
  return next.message
}

function withTexts(checked: Checked, textsOf: (list: number) => ReadonlySet<string>): Checked {
  const lists = checked.lists.lists.map((list, place) => ({ ...list, texts: textsOf(place) }))
  return { ...checked, lists: { ...checked.lists, lists } }
}

function* inPieces<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
