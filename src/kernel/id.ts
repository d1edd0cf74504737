import { hash, randomFillSync } from 'node:crypto'
import { assert } from './assert.ts'

/** What each prefix names. An id of one kind can't be passed where another is asked for. */
const KINDS = {
  account: 'acc',
  assessment: 'asm',
  break: 'brk',
  case: 'case',
  delivery: 'dlv',
  deposit: 'dep',
  endpoint: 'whe',
  entry: 'ent',
  event: 'evt',
  exchange: 'xch',
  export: 'exp',
  hold: 'hold',
  match: 'mat',
  member: 'mem',
  notification: 'ntf',
  operation: 'op',
  paymentFile: 'pmf',
  payout: 'pay',
  product: 'prd',
  receipt: 'rcp',
  reconciliation: 'rec',
  revocation: 'rvk',
  settlementBatch: 'stb',
  statement: 'stm',
  transfer: 'trf',
  vote: 'vote',
  withdrawal: 'wdr',
} as const

export type IdKind = keyof typeof KINDS
export type Id<Kind extends IdKind> = `${(typeof KINDS)[Kind]}_${string}` & { readonly brand: Kind }

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz' // Crockford's base 32: no i, l, o, u to misread

/** A new id that sorts by time of making: 48 bits of milliseconds, then 80 random bits. */
export function newId<Kind extends IdKind>(kind: Kind, now: number = Date.now()): Id<Kind> {
  if (randomUsed === random.length) {
    randomFillSync(random)
    randomUsed = 0
  }
  newest.writeUIntBE(now, 0, 6)
  random.copy(newest, 6, randomUsed, randomUsed + RANDOM_BYTES)
  randomUsed += RANDOM_BYTES
  return written(kind, newest)
}

const RANDOM_BYTES = 10
/** Random bytes for the next ids, each used once: the system is asked for many at a time, as Node does for its UUIDs. */
const random = Buffer.alloc(RANDOM_BYTES * 512)
let randomUsed = random.length
const newest = Buffer.alloc(16)

/** An id that anyone who knows the parts can name: 128 bits of SHA-256 over their unambiguous encoding. */
export function derivedId<Kind extends IdKind>(kind: Kind, ...parts: readonly string[]): Id<Kind> {
  const digest = hash('sha256', JSON.stringify([kind, ...parts]), 'buffer')
  return written(kind, digest)
}

/** Whether the text has the form of an id of this kind; the suffix is 1–64 letters, digits, `_` or `-`. */
export function isId<Kind extends IdKind>(kind: Kind, text: string): text is Id<Kind> {
  const prefix = `${KINDS[kind]}_`
  return text.startsWith(prefix) && /^[A-Za-z0-9_-]{1,64}$/.test(text.slice(prefix.length))
}

/** Takes a text that was checked where it entered (a schema's pattern, our own table) as an id. */
export function asId<Kind extends IdKind>(kind: Kind, text: string): Id<Kind> {
  assert(isId(kind, text), `${JSON.stringify(text)} is an id of kind ${kind}`)
  return text
}

/** The pattern of an id, for JSON Schemas. */
export function idPattern(kind: IdKind): string {
  return `^${KINDS[kind]}_[A-Za-z0-9_-]{1,64}$`
}

const LETTERS = Buffer.from(ALPHABET)
const PREFIXES = Object.fromEntries(
  Object.entries(KINDS).map(([kind, prefix]) => [kind, Buffer.from(`${prefix}_`)]),
) as Readonly<Record<IdKind, Buffer>>

/** Where ids are written: a text that is read out of it is in one piece (see `one-piece.ts`), and nothing else is made on the way. */
const place = Buffer.alloc(64)

/** The prefix, and 26 letters for the first 16 bytes: five bits each, the last two of which are zero. */
function written<Kind extends IdKind>(kind: Kind, bytes: Uint8Array): Id<Kind> {
  const prefix = PREFIXES[kind]
  place.set(prefix)
  let to = prefix.length
  for (let at = 0; at < 15; at += 5) {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3], bytes[at + 4]]
    to = writeLetters((a << 12) | (b << 4) | (c >>> 4), to)
    to = writeLetters(((c & 15) << 16) | (d << 8) | e, to)
  }
  const last = (bytes[15] ?? 0) << 2
  place[to++] = LETTERS[last >>> 5] ?? 0
  place[to++] = LETTERS[last & 31] ?? 0
  return place.toString('latin1', 0, to) as Id<Kind>
}

/** Four letters for twenty bits. @returns where the next one goes */
function writeLetters(bits: number, to: number): number {
  place[to] = LETTERS[bits >>> 15] ?? 0
  place[to + 1] = LETTERS[(bits >>> 10) & 31] ?? 0
  place[to + 2] = LETTERS[(bits >>> 5) & 31] ?? 0
  place[to + 3] = LETTERS[bits & 31] ?? 0
  return to + 4
}
