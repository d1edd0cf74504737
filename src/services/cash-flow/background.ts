import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import { assert } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import { type FeedSource, type Follower, followFeed } from '../../platform/feed.ts'
import type { Log } from '../../platform/log.ts'
import type { Emit, Event, Outbox } from '../../platform/outbox.ts'
import { compileSchema } from '../../platform/schema.ts'
import { runBatch } from './batch.ts'
import type { Actor, Command } from './commands.ts'
import type { Service } from './service.ts'
import { dueHolds, listAccepted } from './store.ts'

const LOOK_MS = 1_000
const ROUND_COMMANDS_MAX = 64

/** What runs without being asked: accepted commands, holds whose time is over, and what reviews decide. */
export function createBackground(deps: {
  readonly service: Service
  readonly transaction: Outbox['transaction']
  readonly clock: Clock
  readonly log: Log
  readonly riskEvents: FeedSource
}) {
  const { service, transaction, clock, log, riskEvents } = deps
  const stop = new AbortController()
  let nap = new AbortController()
  let working: Promise<void> = Promise.resolve()
  let follower: Follower | null = null

  /** One round of what is due; true when there may be more. */
  async function round(): Promise<boolean> {
    const { accepted, due } = await transaction(async (sql) => ({
      accepted: await listAccepted(sql, ROUND_COMMANDS_MAX),
      due: await dueHolds(sql, clock.now(), ROUND_COMMANDS_MAX),
    }))
    const expiries = due.map((transfer) => voidOf(transfer, { kind: 'timer', id: 'timer' }))
    const outcomes = await Promise.allSettled([...accepted, ...expiries].map(service.submit))
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
    for (const { reason } of failed) log.error({ err: reason }, 'a command in the background failed; it is tried again')
    return failed.length === 0 && outcomes.length >= ROUND_COMMANDS_MAX
  }

  async function work(): Promise<void> {
    while (!stop.signal.aborted) {
      nap = new AbortController() // before looking, so that what is accepted meanwhile is not slept over
      const more = await round().catch((err) => {
        log.error({ err }, 'the background of cash flow failed; it is tried again')
        return false
      })
      const signal = AbortSignal.any([stop.signal, nap.signal])
      if (!more) await sleep(LOOK_MS, null, { signal }).catch(() => null)
    }
  }

  return {
    start(): void {
      working = work()
      const apply = (event: Event, sql: Sql, emit: Emit) => applyDecision(event, sql, emit, clock, log)
      follower = followFeed({ feed: 'risk', source: riskEvents, store: { transaction }, apply, log })
    },
    /** A command was accepted: no need to wait for the next look. */
    wake: (): void => nap.abort(),
    async close(): Promise<void> {
      stop.abort()
      await Promise.all([working, follower?.close()])
    },
  }
}

const Decision = Type.Object({ case: Type.String(), transfer: Type.String() })
const checkDecision = compileSchema(Decision)

/** Captures or voids what a review decided on, in the follower's transaction. A hold that is resolved already stays as it is. */
async function applyDecision(event: Event, sql: Sql, emit: Emit, clock: Clock, log: Log): Promise<void> {
  if (event.type !== 'review.approved' && event.type !== 'review.declined') return
  const decision = checkDecision(event.data)
  assert(decision.ok, `the event ${event.id} names its case and transfer`)
  const by: Actor = { kind: 'review', id: decision.value.case }
  const { transfer } = decision.value
  const command: Command =
    event.type === 'review.approved'
      ? { kind: 'capture', request: null, by, transfer, amount: null }
      : voidOf(transfer, by)
  const [settled] = await runBatch(sql, emit, clock.now(), [command])
  if (settled?.kind === 'settled' && settled.answered.kind === 'problem') {
    log.warn({ event: event.id, transfer, refused: settled.answered.detail }, 'a review decision has no effect')
  }
}

function voidOf(transfer: string, by: Actor): Command {
  return { kind: 'void', request: null, by, transfer }
}
