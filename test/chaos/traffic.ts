import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../bench/random.ts'
import { money, toWire } from '../../src/kernel/money.ts'
import {
  type Asked,
  CHANGES,
  type Change,
  type Finding,
  isDone,
  isKept,
  type Kind,
  note,
  type Part,
  transferOf,
} from './asked.ts'
import { type Calls, member, operator } from './calls.ts'
import type { Decisions } from './decisions.ts'

export type MemberAccount = { readonly id: string; readonly member: string; readonly shard: number }

/** What a round has sent, and what it was told. */
export type Book = {
  readonly prefix: string
  readonly accounts: readonly MemberAccount[]
  /** The account of each member that exchanges pay into. */
  readonly dollars: ReadonlyMap<string, string>
  readonly asked: Asked[]
  readonly reviewed: Set<Asked>
  readonly findings: Finding[]
}

const CLIENTS = 12
/** The one version of the rate that exchanges name. */
const QUOTED = { pair: 'CNY-USD', version: 1 }
/** What is held for review and never decided expires so soon. */
export const EXPIRES_MS = { from: 20, to: 200 }
const REVIEW_MS = 3_600_000
const TOO_MUCH = 900_000_000n
/** Of so many requests one that was made lately is captured, reversed, … */
const LATELY = 200

/** How often each kind of request is made; `again` repeats one that was answered, `reused` its key with another body. */
const WEIGHTS = {
  ...{ transfer: 6, later: 3, hold: 5, held: 5, deposit: 2, capture: 4, void: 2, reverse: 3 },
  ...{ withdraw: 3, confirm: 2, return: 2, exchange: 3, credit: 2 },
  ...{ poor: 1, again: 1, reused: 1 },
} as const
const DRAWN = Object.entries(WEIGHTS).flatMap(([kind, weight]) =>
  Array<keyof typeof WEIGHTS>(weight).fill(kind as Kind),
)

/** A round under way: whom it calls, and what it has taken down. */
export type World = {
  readonly book: Book
  readonly calls: Calls
  readonly decisions: Decisions
  readonly random: Random
}

/** Clients that send one request after the other until the signal; some send it twice at once. */
export async function sendUntil(signal: AbortSignal, leg: number, world: World): Promise<void> {
  const { book, random } = world
  const client = async (): Promise<void> => {
    while (!signal.aborted) {
      const drawn = DRAWN[random.below(DRAWN.length)] ?? 'transfer'
      const asked = drawn === 'again' ? anyOf(book.asked.filter(isKept), random) : draw(drawn, leg, book, random)
      const times = random.chance(0.1) ? 2 : 1
      if (asked !== null) await Promise.all(Array.from({ length: times }, () => send(asked, world)))
      if (drawn === 'reused' && asked?.answer && asked.answer.body.code !== 'idempotency_key_reused')
        book.findings.push({ what: 'unsound', leg, text: `${asked.key} was taken again, for another request` })
      await sleep(0) // others have their turn, the signal among them
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
}

/** Sends it, and takes down what it is told. Once it is known to be held, review decides on it. */
export async function send(asked: Asked, { book, calls, decisions }: World): Promise<void> {
  const finding = note(asked, await calls.send(asked))
  if (finding !== null) book.findings.push(finding)
  if (asked.review === null || !isDone(asked) || book.reviewed.has(asked)) return
  book.reviewed.add(asked)
  decisions.decide(transferOf(asked), asked.review)
}

function draw(drawn: Exclude<keyof typeof WEIGHTS, 'again'>, leg: number, book: Book, random: Random): Asked | null {
  if (drawn === 'reused') return reuse(leg, book, random)
  const kind = drawn === 'poor' ? 'transfer' : drawn
  const asked = isChange(kind) ? changing(kind, leg, book, random) : moving(kind, leg, book, random, drawn === 'poor')
  if (asked !== null) book.asked.push(asked)
  return asked
}

const isChange = (kind: Kind): kind is Change => kind in CHANGES

const UNTOLD = { answer: null, isLost: false, saysNothing: false, legs: [] } as const

function moving(kind: Exclude<Kind, Change>, leg: number, book: Book, random: Random, isPoor: boolean): Asked {
  const payer = book.accounts[random.below(book.accounts.length)] as MemberAccount
  const minor = isPoor ? TOO_MUCH : BigInt(1 + random.below(500))
  const what = { leg, kind, key: `${book.prefix}-${book.asked.length}`, about: null, headers: {}, ...UNTOLD }
  if (kind === 'deposit' || kind === 'withdraw') {
    const body = { account: payer.id, amount: wireOf(minor), reference: kind }
    const path = kind === 'deposit' ? '/v1/deposits' : '/v1/withdrawals'
    return { ...what, minor, from: payer.id, to: payer.id, review: null, claims: operator, path, body }
  }
  if (kind === 'exchange') {
    const to = book.dollars.get(payer.member) ?? ''
    const body = { from: payer.id, to, amount: wireOf(minor), rate: QUOTED, reference: kind }
    const claims = member(payer.member)
    return { ...what, minor, from: payer.id, to, review: null, claims, path: '/v1/exchanges', body }
  }
  if (kind === 'credit') {
    const body = { creditLine: wireOf(minor), reason: what.key }
    const path = `/v1/accounts/${payer.id}/credit-lines`
    return { ...what, minor, from: payer.id, to: payer.id, review: null, claims: operator, path, body }
  }
  const review = kind === 'held' ? (([null, 'approve', 'decline'] as const)[random.below(3)] ?? null) : null
  const holdMs = kind !== 'held' ? null : review === null ? shortly(random) : REVIEW_MS
  const first = { from: payer.id, to: payeeOf(payer, book, random).id, minor }
  const legs = isPoor || !random.chance(0.25) ? [] : [first, besides(payer, book, random)]
  const moves =
    legs.length === 0
      ? { from: first.from, to: first.to, amount: wireOf(minor) }
      : { legs: legs.map((part) => ({ from: part.from, to: part.to, amount: wireOf(part.minor) })) }
  return {
    ...{ ...what, ...first, legs, review, claims: member(payer.member, holdMs), path: '/v1/transfers' },
    minor: minor + (legs[1]?.minor ?? 0n),
    body: { ...moves, reference: kind, ...(kind === 'hold' ? { pending: true } : {}) },
    headers: kind === 'later' ? { prefer: 'respond-async' } : {},
  }
}

function payeeOf(payer: MemberAccount, { accounts }: Book, random: Random): MemberAccount {
  const inShard = random.chance(0.4)
  const payees = accounts.filter(({ id, shard }) => id !== payer.id && (shard === payer.shard) === inShard)
  return payees[random.below(payees.length)] as MemberAccount
}

/** Another leg, which the same member pays out of any account. */
function besides(payer: MemberAccount, book: Book, random: Random): Part {
  const own = book.accounts.filter(({ member }) => member === payer.member)
  const from = own[random.below(own.length)] as MemberAccount
  return { from: from.id, to: payeeOf(from, book, random).id, minor: BigInt(1 + random.below(500)) }
}

const shortly = (random: Random): number => EXPIRES_MS.from + random.below(EXPIRES_MS.to - EXPIRES_MS.from)

/** Something done about what was made before; two may be at it at once. Null: there is nothing yet. */
function changing(kind: Change, leg: number, book: Book, random: Random): Asked | null {
  const about = anyOf(
    book.asked.slice(-LATELY).filter((one) => one.kind === CHANGES[kind] && isDone(one) && canBe(kind, one)),
    random,
  )
  if (about === null) return null
  const isPart = kind === 'capture' && about.legs.length === 0 && about.minor > 1n && random.chance(0.5)
  const minor = isPart ? about.minor / 2n : about.minor
  const bodies = { confirm: { reference: 'bank 1' }, return: { reason: 'closed' } } as const
  const { from, to } = kind === 'reverse' ? { from: about.to, to: about.from } : about
  const isWithdrawal = kind === 'confirm' || kind === 'return'
  return {
    ...{ leg, kind, key: `${book.prefix}-${book.asked.length}`, about, minor, from, to, review: null, ...UNTOLD },
    claims: operator,
    path: `/v1/${isWithdrawal ? 'withdrawals' : 'transfers'}/${transferOf(about)}/${kind}`,
    body: isPart ? { amount: wireOf(minor) } : isWithdrawal ? bodies[kind] : {},
    headers: {},
  }
}

/** A transfer with legs is not reversed as a whole. */
const canBe = (kind: Change, { legs }: Asked): boolean => kind !== 'reverse' || legs.length === 0

/** A key that was answered, under another request: it is refused, and has no effect. */
function reuse(leg: number, book: Book, random: Random): Asked | null {
  const used = anyOf(
    book.asked.filter((one) => one.kind === 'transfer' && isDone(one)),
    random,
  )
  if (used === null) return null
  return { ...used, leg, ...UNTOLD, body: { ...used.body, reference: 'another' } }
}

function anyOf(asked: readonly Asked[], random: Random): Asked | null {
  return asked[random.below(asked.length)] ?? null
}

function wireOf(minor: bigint) {
  return toWire(money('CNY', minor))
}
