import { assert } from '../../kernel/assert.ts'
import { fromRfc3339, type Instant } from '../../kernel/clock.ts'
import { parseMoney } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import { type FeedSource, followFeed } from '../../platform/feed.ts'
import type { Log } from '../../platform/log.ts'
import type { Emit, Event, Outbox } from '../../platform/outbox.ts'
import { checkOf } from '../../platform/schema.ts'
import type { Within } from '../../platform/traced-events.ts'
import type { Tracer } from '../../platform/tracing.ts'
import { countTold } from './counted-events.ts'
import type { HeldTransfer, Reviews } from './reviews.ts'
import { CreditLineSet, TransferHeld, TransferResolved } from './schema.ts'

const READ = {
  'transfer.held': 1,
  'transfer.posted': 1,
  'transfer.voided': 1,
  'operation.failed': 1,
  'credit_line.set': 1,
} as const
const checkHeld = checkOf(TransferHeld)
const checkResolved = checkOf(TransferResolved)
const checkCreditLine = checkOf(CreditLineSet)

/**
 * Counts what has moved and what was refused. Opens a case for every hold that asks for one, closes it when the money went
 * another way, opens those of a later look, and says so where what a reviewer goes by has changed.
 */
export function followCashFlow(options: {
  readonly source: FeedSource
  readonly outbox: Outbox
  readonly reviews: Reviews
  readonly tracer?: Tracer | null
  readonly log: Log
}): { close(): Promise<void> } {
  const { source, outbox, reviews, tracer = null, log } = options
  const review = async (event: Event, sql: Sql, emit: Emit): Promise<void> => {
    switch (event.type) {
      case 'transfer.held': {
        const held = heldTransfer(event)
        if (held !== null) await reviews.open(sql, emit, held)
        return
      }
      case 'transfer.posted':
      case 'transfer.voided': {
        const resolved = checkResolved(event.data)
        assert(resolved.ok, `the event ${event.id} names its transfer`)
        const { transfer, partOf, reason } = resolved.value
        await reviews.settle(sql, emit, { transfer: partOf ?? transfer, how: reason ?? 'posted' })
        return
      }
      case 'credit_line.set': {
        const set = checkCreditLine(event.data)
        assert(set.ok, `the event ${event.id} says how far an account may go`)
        const { account, creditLine } = set.value
        await reviews.learn(sql, emit, { what: 'credit_line', account, creditLine }, 'cash-flow')
      }
    }
  }
  // What is counted comes after the cases: who votes locks them in this order, too.
  const apply = async (event: Event, sql: Sql, emit: Emit): Promise<void> => {
    await review(event, sql, emit)
    await countTold(sql, [event])
  }
  const applyAll = async (events: readonly Event[], sql: Sql, emit: Emit, within: Within): Promise<void> => {
    const waiting = await reviews.waitingOf(sql, events.flatMap(resolvedBy))
    for (const event of events) {
      if (event.type === 'transfer.held') waiting.add(event.subject)
      const [resolved] = resolvedBy(event)
      if (resolved === undefined || waiting.has(resolved)) await within(event, () => review(event, sql, emit))
    }
    await countTold(sql, events)
  }
  return followFeed({ feed: 'cash-flow', source, store: outbox, apply, applyAll, versions: READ, tracer, log })
}

/** The transfer whose money went its way, as a whole. */
function resolvedBy({ id, type, data }: Event): readonly string[] {
  if (type !== 'transfer.posted' && type !== 'transfer.voided') return []
  const resolved = checkResolved(data)
  assert(resolved.ok, `the event ${id} names its transfer`)
  return [resolved.value.partOf ?? resolved.value.transfer]
}

/** Null for a hold that a member asked for, without any assessment. */
function heldTransfer(event: Event): HeldTransfer | null {
  const held = checkHeld(event.data)
  assert(held.ok, `the event ${event.id} says what was held`)
  const { operation, transfer, maker, assessment, receipt = null, judgedBy: terms = [] } = held.value
  if (assessment === null) return null
  const amount = parseMoney(held.value.amount)
  const expiresAt = fromRfc3339(held.value.expiresAt)
  assert(typeof amount === 'object' && expiresAt !== null, `the event ${event.id} has an amount and an expiry`)
  return { operation, transfer, amount, maker, assessment, receipt, terms, heldAt: event.at as Instant, expiresAt }
}
