import { sha256 } from '../../kernel/canonical-json.ts'
import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import { toWire } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import { keepDoing } from '../../platform/every.ts'
import { fittingInOneFile, PAYMENTS_MAX, writePayments } from '../../platform/iso20022/payments.ts'
import { DUPLICATE, type PaymentStatus } from '../../platform/iso20022/status.ts'
import type { Log } from '../../platform/log.ts'
import type { Emit, Outbox } from '../../platform/outbox.ts'
import { closeMissing } from './break-store.ts'
import type { Ledger } from './ledger.ts'
import type { Members } from './members.ts'
import { batchStateOf } from './model.ts'
import {
  countSend,
  type FileToSend,
  finishFile,
  insertFile,
  type LedgerStep,
  lockBooked,
  lockPayoutsOf,
  movePayout,
  payoutStatesOf,
  postponeFile,
  postponePayout,
  type SentPayout,
  selectFilesToSend,
  selectLedgerSteps,
  selectPayoutsOf,
} from './payout-store.ts'
import { appendState } from './store.ts'

type FileAnswer =
  | { readonly kind: 'answered'; statusOf(payout: string): PaymentStatus }
  /** None of the file will be paid, however often one sends it. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** It may or may not have been paid. */
  | { readonly kind: 'unknown'; readonly detail: string }
  /** Not this time: it is left alone for a while. */
  | { readonly kind: 'not_asked'; readonly detail: string; readonly retryAfterS: number }

/** The bank, as settlement needs it: a file sent twice under one id is paid once. */
export interface Bank {
  send(file: { readonly id: string; readonly xml: Uint8Array }): Promise<FileAnswer>
}

export type Payer = { readonly name: string; readonly account: string }

type Deps = {
  readonly outbox: Outbox
  readonly bank: Bank
  readonly ledger: Ledger
  readonly members: Members
  readonly payer: Payer
  readonly clock: Clock
  readonly log: Log
}

const LOOK_EVERY_MS = 200
const AT_ONCE_MAX = 8
const ERROR_CHARACTERS_MAX = 200
/** Waits between the first tries, then the longest each time. A payout is owed, so it is never given up. */
const RETRY_AFTER_S = [1, 5, 10, 30, 120] as const
const RETRY_AFTER_MAX_S = 600
/** The ledger is our own: it is asked again soon. */
const LEDGER_RETRY_AFTER_S = [1, 2, 5] as const
const LEDGER_RETRY_AFTER_MAX_S = 10
/** Of an account's name in a payment (Max34Text). */
const ACCOUNT_CHARACTERS_MAX = 34

/**
 * Takes every payout out of its account, into a file, to the bank; and on, or back, as the bank and its statements say. Each
 * step is asked for under an id of its own until there is a plain answer, since no answer may mean that it was done.
 */
export function startPayouts(deps: Deps): { close(): Promise<void> } {
  const { outbox, clock, log } = deps
  return keepDoing({
    name: 'payouts',
    everyMs: LOOK_EVERY_MS,
    log,
    async work() {
      const steps = await outbox.transaction((sql) => selectLedgerSteps(sql, clock.now(), AT_ONCE_MAX))
      await Promise.all(steps.map((step) => inLedger(deps, step)))
      const filed = await fileBooked(deps)
      const files = await outbox.transaction((sql) => selectFilesToSend(sql, clock.now(), AT_ONCE_MAX))
      await Promise.all(files.map((file) => send(deps, file)))
      return steps.length + files.length > 0 || filed
    },
  })
}

async function inLedger(deps: Deps, step: LedgerStep): Promise<void> {
  const { outbox, clock, log } = deps
  try {
    const ended = await STEP[step.state](deps, step)
    await outbox.transaction(async (sql, emit) => {
      const { state, withdrawal, reason } = ended
      const at = clock.now()
      if (state === 'refused') log.warn({ payout: step.id, account: step.account, reason }, 'a payout is refused')
      await lockPayoutsOf(sql, [step.batch])
      const to = {
        state,
        at,
        ...(withdrawal === undefined ? {} : { withdrawal }),
        ...(reason === undefined ? {} : { reason }),
      }
      if (!(await movePayout(sql, step.id, [step.state], to))) return
      await tell(sql, emit, step, state, at)
      // A statement may have missed it meanwhile: the bank says now that there is nothing to wait for.
      const told = { resolution: 'refused_later', reason: `refused: ${reason ?? step.reason}` } as const
      if (state === 'refused') await closeMissing(sql, [step.id], told, at)
    })
  } catch (err) {
    const waitS = LEDGER_RETRY_AFTER_S[step.tries] ?? LEDGER_RETRY_AFTER_MAX_S
    log.warn(
      { err, payout: step.id, step: step.state, tries: step.tries + 1 },
      'a payout waits for the ledger or for membership',
    )
    await outbox.transaction((sql) => postponePayout(sql, step, (clock.now() + waitS * 1000) as Instant))
  }
}

type Ended = {
  readonly state: 'booked' | 'settled' | 'rejecting' | 'refused' | 'returned'
  readonly withdrawal?: string
  readonly reason?: string
}

/** What each state asks of the ledger, and what it comes to. */
const STEP: Readonly<Record<LedgerStep['state'], (deps: Deps, step: LedgerStep) => Promise<Ended>>> = {
  async pending({ ledger, members }, { id, member, account, amount }) {
    if (account === null) return { state: 'refused', reason: 'no account to pay from is known' }
    if (account.length > ACCOUNT_CHARACTERS_MAX) return { state: 'refused', reason: 'the account has too long a name' }
    const taken = await ledger.withdraw(id, member, account, amount)
    if (taken.kind === 'refused') return { state: 'refused', reason: taken.detail.slice(0, ERROR_CHARACTERS_MAX) }
    const { withdrawal } = taken
    const status = await members.statusOf(member) // only now, for an earlier try may have taken it
    if (status !== 'active') return { state: 'rejecting', withdrawal, reason: `the member is ${status}` }
    return { state: 'booked', withdrawal }
  },
  async confirming({ ledger }, { id, withdrawal }) {
    if (withdrawal !== null) await ledger.confirm(`${id}:confirm`, withdrawal, id)
    return { state: 'settled' }
  },
  async rejecting({ ledger }, { id, withdrawal, reason }) {
    if (withdrawal !== null) await ledger.giveBack(`${id}:return`, withdrawal, `not paid: ${reason}`)
    return { state: 'refused' }
  },
  async returning({ ledger }, { id, withdrawal, account, amount, matched }) {
    if (withdrawal === null || account === null) return { state: 'returned' }
    if (!matched) {
      await ledger.giveBack(`${id}:return`, withdrawal, 'not paid by the bank')
      return { state: 'returned' }
    }
    await ledger.confirm(`${id}:confirm`, withdrawal, id) // it may have been, or may not yet
    await ledger.deposit(`${id}:deposit`, account, amount, `returned ${id}`)
    return { state: 'returned' }
  },
}

const TOLD = ['paid', 'refused', 'settled', 'returned']

/** What is seen of it from outside: an event, and what the batch has come to by it. */
async function tell(sql: Sql, emit: Emit, payout: SentPayout, state: string, now: Instant): Promise<void> {
  if (!TOLD.includes(state)) return
  const { id, batch, member, account, amount } = payout
  await appendState(sql, batch, batchStateOf(await payoutStatesOf(sql, batch)), now)
  const data = { batch, payout: id, member, account, amount: toWire(amount) }
  emit({ type: `settlement.${state}`, subject: batch, members: [member], data })
}

/** Makes one file of what has left its accounts and is in none. */
function fileBooked({ outbox, payer, clock }: Deps): Promise<boolean> {
  return outbox.transaction(async (sql) => {
    const payouts = fittingInOneFile(await lockBooked(sql, PAYMENTS_MAX))
    const [first] = payouts
    if (first === undefined) return false
    const now = clock.now()
    const createdAt = toRfc3339(now)
    const id = newId('paymentFile', now)
    const payments = payouts.map(({ member, ...payout }) => ({ ...payout, name: member }))
    const xml = writePayments({ id, createdAt, on: createdAt.slice(0, 10), payer, payments })
    const file = { id, currency: first.amount.currency, digest: `sha256:${sha256(xml)}`, xml }
    await insertFile(
      sql,
      file,
      payouts.map((payout) => payout.id),
      now,
    )
    return true
  })
}

async function send(deps: Deps, { id, xml }: FileToSend): Promise<void> {
  const { outbox, bank, clock, log } = deps
  const sentBefore = await outbox.transaction((sql) => countSend(sql, id))
  if (sentBefore === null) return
  const answer = await bank.send({ id, xml })
  if (answer.kind !== 'answered')
    log.warn({ file: id, sentBefore, error: answer.detail }, `payment file ${answer.kind}`)
  await outbox.transaction(async (sql, emit) => {
    const payouts = await selectPayoutsOf(sql, id)
    const batches = payouts.map(({ batch }) => batch)
    await lockPayoutsOf(sql, batches)
    const now = clock.now()
    const verdicts = payouts.map((payout) => ({ payout, verdict: verdictOf(answer, payout, sentBefore > 0) }))
    if (verdicts.some(({ payout, verdict }) => payout.state === 'sent' && verdict.kind === 'waits')) {
      const wasAsked = answer.kind !== 'not_asked' // only what was sent makes the next wait longer
      const waitS = wasAsked ? (RETRY_AFTER_S[sentBefore] ?? RETRY_AFTER_MAX_S) : answer.retryAfterS
      const error = answer.kind === 'answered' ? 'not decided by the bank' : answer.detail
      const nextTryAt = (now + waitS * 1000) as Instant
      const wait = { error: error.slice(0, ERROR_CHARACTERS_MAX), wasAsked, nextTryAt }
      if (!(await postponeFile(sql, id, wait))) return
    } else {
      const error = answer.kind === 'answered' ? '' : answer.detail.slice(0, ERROR_CHARACTERS_MAX)
      if (!(await finishFile(sql, id, answer.kind === 'refused' ? 'refused' : 'answered', error))) return
    }
    for (const { payout, verdict } of verdicts) await act(deps, sql, emit, payout, verdict, now)
  })
}

type Verdict =
  | { readonly kind: 'waits' | 'accepted' }
  | { readonly kind: 'rejected'; readonly reason: string }
  /** It refuses what it may have paid when it was sent before. */
  | { readonly kind: 'unclear'; readonly reason: string }

/**
 * What the answer says of a payout. That it has come before, or that the file as a whole is not taken, is no word on what became
 * of an earlier send: a statement tells, or two people do.
 */
function verdictOf(answer: FileAnswer, { id }: SentPayout, wasSentBefore: boolean): Verdict {
  if (answer.kind === 'refused') return { kind: wasSentBefore ? 'unclear' : 'rejected', reason: answer.detail }
  if (answer.kind !== 'answered') return { kind: 'waits' }
  const status = answer.statusOf(id)
  if (status.kind === 'pending') return { kind: 'waits' }
  if (status.kind === 'accepted') return status
  return { kind: wasSentBefore && DUPLICATE.includes(status.reason) ? 'unclear' : 'rejected', reason: status.reason }
}

async function act(
  { log }: Deps,
  sql: Sql,
  emit: Emit,
  payout: SentPayout,
  verdict: Verdict,
  at: Instant,
): Promise<void> {
  const { id } = payout
  if (verdict.kind === 'accepted') {
    if (await movePayout(sql, id, ['sent'], { state: 'paid', at })) await tell(sql, emit, payout, 'paid', at)
  } else if (verdict.kind === 'rejected') {
    const reason = verdict.reason.slice(0, ERROR_CHARACTERS_MAX / 2)
    await movePayout(sql, id, ['sent'], { state: 'rejecting', reason, at })
  } else if (verdict.kind === 'unclear' && payout.state === 'sent') {
    log.warn(
      { payout: id, reason: verdict.reason },
      'the bank refuses what it may have paid before: a statement has to tell',
    )
  }
}
