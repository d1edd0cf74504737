import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock, Instant } from '../../kernel/clock.ts'
import { type Money, toWire } from '../../kernel/money.ts'
import type { Log } from '../../platform/log.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { type DuePayout, finishPayout, postponePayout, selectDuePayouts } from './payout-store.ts'
import { appendState } from './store.ts'

/** What a payout is to the bank; the reference names the batch. */
type BankPayout = {
  readonly id: string
  readonly member: string
  readonly amount: Money
  readonly reference: string
}

type BankAnswer =
  | { readonly kind: 'paid' }
  /** It will not be paid, however often one asks. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** It may or may not have been paid. */
  | { readonly kind: 'unknown'; readonly detail: string }
  /** Not this time: it is left alone for a while. */
  | { readonly kind: 'not_asked'; readonly detail: string; readonly retryAfterS: number }

/** The bank, as settlement needs it: a payout asked for twice under one id is paid once. */
export interface Bank {
  pay(payout: BankPayout): Promise<BankAnswer>
}

const LOOK_EVERY_MS = 200
const AT_ONCE_MAX = 8
const ERROR_CHARACTERS_MAX = 200
/** Waits between the first tries, then the longest each time. A payout is owed, so it is never given up. */
const RETRY_AFTER_S = [1, 5, 30, 120] as const
const RETRY_AFTER_MAX_S = 600

/** Asks the bank for every payout until it has a plain answer; under the same id, since no answer may mean it was paid. */
export function startPayouts(options: {
  readonly outbox: Outbox
  readonly bank: Bank
  readonly clock: Clock
  readonly log: Log
}): { close(): Promise<void> } {
  const { outbox, clock, log } = options
  const stop = new AbortController()
  const running = (async () => {
    while (!stop.signal.aborted) {
      try {
        const due = await outbox.transaction((sql) => selectDuePayouts(sql, clock.now(), AT_ONCE_MAX))
        await Promise.all(due.map((payout) => pay(options, payout)))
        if (due.length > 0) continue
      } catch (err) {
        log.error({ err }, 'payouts: trying again')
      }
      await sleep(LOOK_EVERY_MS, null, { signal: stop.signal }).catch(() => null)
    }
  })()
  return {
    async close() {
      stop.abort()
      await running
    },
  }
}

async function pay(
  { outbox, bank, clock, log }: { outbox: Outbox; bank: Bank; clock: Clock; log: Log },
  { id, batch, member, amount, tries }: DuePayout,
): Promise<void> {
  const answer = await bank.pay({ id, member, amount, reference: batch })
  const error = answer.kind === 'paid' ? '' : answer.detail.slice(0, ERROR_CHARACTERS_MAX)
  if (answer.kind !== 'paid') log.warn({ payout: id, batch, tries: tries + 1, error }, `payout ${answer.kind}`)
  await outbox.transaction(async (sql, emit) => {
    if (answer.kind === 'unknown' || answer.kind === 'not_asked') {
      const wasAsked = answer.kind === 'unknown' // only what was sent makes the next wait longer
      const waitS = wasAsked ? (RETRY_AFTER_S[tries] ?? RETRY_AFTER_MAX_S) : answer.retryAfterS
      return postponePayout(sql, id, { error, wasAsked, nextTryAt: (clock.now() + waitS * 1000) as Instant })
    }
    if (!(await finishPayout(sql, id, answer.kind, error))) return
    await appendState(sql, batch, answer.kind, clock.now())
    emit({
      type: `settlement.${answer.kind}`,
      subject: batch,
      members: [member],
      data: { batch, payout: id, member, amount: toWire(amount) },
    })
  })
}
