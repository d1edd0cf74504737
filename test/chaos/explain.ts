import { setTimeout as sleep } from 'node:timers/promises'
import { type Asked, CHANGES, type Change, FEE_MINOR, isDone, partsOf, transferOf } from './asked.ts'
import { type Calls, operator } from './calls.ts'
import { each, readSurely } from './resolve.ts'
import type { Book } from './traffic.ts'

type Made = {
  readonly id: string
  readonly state: string
  readonly reversedBy?: string
  readonly legs?: readonly { readonly id: string }[]
}
type Balance = { readonly posted: { readonly value: string }; readonly pending: { readonly value: string } }

const FINAL_MS_MAX = 20_000

/** What of an effect a follower of the feed is to be told, and how often: by event and subject. */
export type Told = Map<string, number>

/** What is on the accounts by all that was answered, and what a follower must have been told of it. */
class Expected {
  readonly sums: Map<string, { posted: bigint; pending: bigint }>
  readonly told: Told = new Map()

  constructor(book: Book, opened: bigint) {
    const accounts = book.accounts.map(({ id }) => [id, { posted: opened, pending: 0n }] as const)
    const dollars = [...book.dollars.values()].map((id) => [id, { posted: 0n, pending: 0n }] as const)
    this.sums = new Map([...accounts, ...dollars])
  }

  add(account: string, posted: bigint, pending = 0n): void {
    const sum = this.sums.get(account)
    if (sum !== undefined) this.sums.set(account, { posted: sum.posted + posted, pending: sum.pending + pending })
  }

  move(from: string, to: string, minor: bigint): void {
    this.add(from, -minor)
    this.add(to, minor)
  }

  tell(event: string, subject: string): void {
    const what = `${event} ${subject}`
    this.told.set(what, (this.told.get(what) ?? 0) + 1)
  }
}

/**
 * Holds what was made, and the balances, as they are against all that was answered: each state has the one answer that
 * explains it, and the balances are what all of them come to. @returns the events that must have been told for it
 */
export async function explain(book: Book, calls: Calls, opened: bigint): Promise<Told> {
  const expected = new Expected(book, opened)
  // Other changes are told of by what they changed.
  await each(book.asked.filter(isDone), async (asked) => {
    if (asked.kind === 'deposit') {
      expected.add(asked.to, asked.minor)
      expected.tell('deposit.posted', transferOf(asked))
    } else if (asked.kind === 'reverse') {
      expected.move(asked.from, asked.to, asked.about?.minor ?? 0n)
      expected.tell('transfer.posted', transferOf(asked))
    } else if (asked.kind === 'exchange') {
      expected.add(asked.from, -asked.minor)
      expected.add(asked.to, minorOf(asked.answer?.body.received?.value))
      expected.tell('exchange.posted', transferOf(asked))
    } else if (asked.kind === 'credit') expected.tell('credit_line.set', asked.from)
    else if (asked.kind === 'withdraw') await explainWithdrawal(asked, book, calls, expected)
    else if (!(asked.kind in CHANGES)) await explainTransfer(asked, book, calls, expected)
  })
  for (const [account, sum] of expected.sums) {
    const { balance } = (await readSurely(calls, `/v1/accounts/${account}`, operator)).body as { balance?: Balance }
    const [posted, pending] = [minorOf(balance?.posted.value), minorOf(balance?.pending.value)]
    if (posted === sum.posted && pending === sum.pending) continue
    const text = `${account} has ${posted} and ${pending} pending; all that was answered makes ${sum.posted} and ${sum.pending}`
    book.findings.push({ what: 'unsound', leg: 0, text })
  }
  await each(book.accounts, ({ id }) => explainCreditLines(id, book, calls))
  return expected.told
}

type CreditLine = { readonly version: number; readonly reason: string }

/** Each credit line that was answered as set is a version of its own, and there is no other. */
async function explainCreditLines(account: string, book: Book, calls: Calls): Promise<void> {
  const asked = book.asked.filter((one) => one.kind === 'credit' && one.from === account && isDone(one))
  const found: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = cursor === '' ? '' : `&cursor=${cursor}`
    const target = `/v1/accounts/${account}/credit-lines?limit=100${page}`
    const { items, next } = (await readSurely(calls, target, operator)).body as unknown as {
      items: readonly CreditLine[]
      next: string | null
    }
    found.push(...items.map(({ reason }) => reason))
    cursor = next
  }
  const [there, answered] = [
    found.sort().join(),
    asked
      .map(({ key }) => key)
      .sort()
      .join(),
  ]
  if (there !== answered)
    book.findings.push({ what: 'unsound', leg: 0, text: `${account} has the credit lines ${there}, not ${answered}` })
}

async function explainTransfer(asked: Asked, book: Book, calls: Calls, expected: Expected): Promise<void> {
  const made = await finalOf(asked, book, calls)
  if (made === null) return
  const { state, moved } = stateByAnswers(asked, book)
  const reversal = onlyChange(asked, book, ['reverse'])
  const reversedBy = reversal === null ? undefined : transferOf(reversal)
  if (made.state !== state) disagree(asked, book, `is ${made.state}, and all that was answered makes it ${state}`)
  if (made.reversedBy !== reversedBy) disagree(asked, book, `was reversed by ${made.reversedBy}, not ${reversedBy}`)
  for (const { from, to, minor } of partsOf(asked)) {
    if (state === 'pending') expected.add(from, 0n, minor + FEE_MINOR)
    if (state !== 'posted') continue
    expected.move(from, to, asked.legs.length === 0 ? moved : minor)
    expected.add(from, -FEE_MINOR)
  }
  if (state === 'voided') expected.tell('transfer.voided', made.id)
  else if (state === 'posted') for (const { id } of made.legs ?? [made]) expected.tell('transfer.posted', id)
}

async function explainWithdrawal(asked: Asked, book: Book, calls: Calls, expected: Expected): Promise<void> {
  const { from, minor } = asked
  const id = transferOf(asked)
  const end = onlyChange(asked, book, ['confirm', 'return'])
  const state = end === null ? 'pending' : end.kind === 'confirm' ? 'confirmed' : 'returned'
  const made = (await readSurely(calls, `/v1/withdrawals/${id}`, operator)).body as unknown as Made
  if (made.state !== state) disagree(asked, book, `is ${made.state}, and all that was answered makes it ${state}`)
  if (state !== 'returned') expected.add(from, -minor)
  expected.tell('withdrawal.pending', id)
  if (end !== null) expected.tell(`withdrawal.${state}`, id)
}

/** How a transfer stands by what was answered about it, and what has moved then. */
function stateByAnswers(asked: Asked, book: Book): { readonly state: string; readonly moved: bigint } {
  const { kind, minor, review } = asked
  if (kind === 'transfer' || kind === 'later') return { state: 'posted', moved: minor }
  if (kind === 'held') return { state: review === 'approve' ? 'posted' : 'voided', moved: minor }
  const resolver = onlyChange(asked, book, ['capture', 'void'])
  if (resolver === null) return { state: 'pending', moved: 0n }
  return { state: resolver.kind === 'capture' ? 'posted' : 'voided', moved: resolver.minor }
}

/** The one change of these kinds that was answered as done. */
function onlyChange(asked: Asked, book: Book, kinds: readonly Change[]): Asked | null {
  const done = book.asked.filter((one) => one.about === asked && kinds.includes(one.kind as Change) && isDone(one))
  const { leg, kind, key } = asked
  if (done.length > 1)
    book.findings.push({ what: 'doubled', leg, text: `${kind} ${key}: done ${done.length} times: ${kinds}` })
  return done[0] ?? null
}

function disagree({ leg, kind, key }: Asked, book: Book, text: string): void {
  book.findings.push({ what: 'unsound', leg, text: `${kind} ${key} ${text}` })
}

/** The transfer, once nothing is to happen to it by itself; null where its operation has failed. */
async function finalOf(asked: Asked, book: Book, calls: Calls): Promise<Made | null> {
  const until = performance.now() + FINAL_MS_MAX
  const { answer, kind } = asked
  const operation = answer?.body.operation
  for (;;) {
    const { body } = await readSurely(calls, `/v1/operations/${operation}`, operator)
    const { state, transfer } = body as { state?: string; transfer?: string }
    const isOpen = state === 'running' || (kind === 'held' && state === 'held')
    if (!isOpen && transfer === undefined) return null
    if (!isOpen) return (await readSurely(calls, `/v1/transfers/${transfer}`, operator)).body as unknown as Made
    if (performance.now() > until) break
    await sleep(20)
  }
  book.findings.push({ what: 'unsound', leg: asked.leg, text: `${kind} ${asked.key} comes to no end` })
  return null
}

function minorOf(value: string | undefined): bigint {
  return BigInt((value ?? '').replace('.', ''))
}
