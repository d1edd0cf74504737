import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { assert } from '../kernel/assert.ts'
import type { Instant } from '../kernel/clock.ts'
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

type TextPiece = { readonly part: number; readonly texts: readonly string[] }

const RULES_PER_PIECE = 25
const TEXTS_PER_PIECE = 2_000

/** `port` of the result is to be transferred. */
export function pack(checked: Checked, rules: readonly CheckedRule[]): Shipment {
  const { port1, port2 } = new MessageChannel()
  let textPieces = 0
  for (const [part, { texts }] of checked.lists.parts.entries()) {
    for (const piece of inPieces([...texts], TEXTS_PER_PIECE)) {
      port1.postMessage({ part, texts: piece } satisfies TextPiece)
      textPieces += 1
    }
  }
  for (const piece of inPieces(rules, RULES_PER_PIECE)) port1.postMessage(piece)
  port1.close()
  return { checked: withTexts(checked, () => new Set()), textPieces, rulesCount: rules.length, port: port2 }
}

/** What a bundle is made of. */
export type Content = { readonly checked: Checked; readonly rules: readonly CheckedRule[] }

/** Makes the bundle, and pauses after each piece. @throws AssertionFailed when a piece is missing */
export function* unpack({
  checked,
  textPieces,
  rulesCount,
  port,
}: Shipment): Generator<void, { readonly bundle: Bundle; readonly content: Content }, void> {
  const texts = checked.lists.parts.map(() => new Set<string>())
  for (let piece = 0; piece < textPieces; piece++) {
    const { part, texts: more } = take(port) as TextPiece
    for (const text of more) texts[part]?.add(text)
    yield
  }
  const whole = withTexts(checked, (part) => texts[part] ?? new Set())
  const rules: CheckedRule[] = []
  const bundle = yield* assembleBundle(whole, rulesFrom(port, rulesCount, rules))
  return { bundle, content: { checked: whole, rules } }
}

/** Makes the bundle anew as it is at a later time, and pauses as `unpack` does. */
export function* assembleAt({ checked, rules }: Content, now: Instant): Generator<void, Bundle, void> {
  return yield* assembleBundle({ ...checked, now }, inPieces(rules, RULES_PER_PIECE))
}

/** The rules in their pieces; they are kept in `taken`. */
function* rulesFrom(port: MessagePort, rulesCount: number, taken: CheckedRule[]): Generator<readonly CheckedRule[]> {
  while (taken.length < rulesCount) {
    const rules = take(port) as readonly CheckedRule[]
    taken.push(...rules)
    yield rules
  }
}

function take(port: MessagePort): unknown {
  const next: { readonly message: unknown } | undefined = receiveMessageOnPort(port)
  assert(next !== undefined, 'the port holds every piece that was sent')
  return next.message
}

function withTexts(checked: Checked, textsOf: (part: number) => ReadonlySet<string>): Checked {
  const parts = checked.lists.parts.map((part, place) => ({ ...part, texts: textsOf(place) }))
  return { ...checked, lists: { ...checked.lists, parts } }
}

function* inPieces<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
