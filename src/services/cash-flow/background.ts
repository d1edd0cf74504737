import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import { assert } from '../../kernel/assert.ts'
import type { Clock, Instant } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import { type FeedSource, type Follower, followFeed } from '../../platform/feed.ts'
import type { Log } from '../../platform/log.ts'
import type { Event, Outbox } from '../../platform/outbox.ts'
import { checkOf } from '../../platform/schema.ts'
import { inSpan } from '../../platform/traced-events.ts'
import type { Tracer } from '../../platform/tracing.ts'
import type { Actor, Command } from './commands.ts'
import { createCredits } from './credits.ts'
import type { Points } from './points.ts'
import type { Service } from './service.ts'
import { type Decided, dueHolds, keepDecision, listAccepted, listCrossings, listDecisions } from './store.ts'

const LOOK_MS = 1_000
/** A crossing takes milliseconds: after this long, whoever was at it is gone. Before our start nobody of ours was. */
const LEFT_AFTER_MS = 2_000
/** Commands that each shard takes at once, and what is due besides together. */
const CREDITS = 64
/** What is due besides accepted commands, whichever shards it is in, has credits of its own. */
const UPKEEP = -1

/** What runs without being asked: accepted commands, holds whose time is over, and what reviews decide. */
export function createBackground(deps: {
  readonly service: Service
  readonly transaction: Outbox['transaction']
  readonly clock: Clock
  readonly log: Log
  readonly riskEvents: FeedSource
  /** Whether this process is the one to do it. */
  isServing(): boolean
  readonly points: Points
  readonly tracer: Tracer | null
}) {
  const { service, transaction, clock, log, riskEvents, isServing, points, tracer } = deps
  const stop = new AbortController()
  let nap = new AbortController()
  let working: Promise<void> = Promise.resolve()
  let follower: Follower | null = null
  let startedAt = 0
  const credits = createCredits(CREDITS)
  /** Shards that were at their work when others were looked at: something may wait for them. */
  const passedOver = new Set<number>()

  /** One round of what is due; what shards and upkeep got is under way when it answers. */
  async function round(): Promise<void> {
    if (!isServing()) return
    const leftBefore = Math.max(startedAt, clock.now() - LEFT_AFTER_MS) as Instant
    const spent = credits.spent()
    for (const shard of spent) passedOver.add(shard)
    const upkeepMax = spent.includes(UPKEEP) ? 0 : CREDITS
    const { accepted, due, decided, crossings } = await transaction(async (sql) => ({
      accepted: await listAccepted(sql, spent, credits.each),
      due: await dueHolds(sql, clock.now(), upkeepMax),
      decided: await listDecisions(sql, upkeepMax),
      crossings: await listCrossings(sql, leftBefore, upkeepMax),
    }))
    const upkeep = [
      ...decided.map((each) => () => carryOut('decided by a review', commandOf(each))),
      ...due.map((transfer) => () => service.submit(voidOf(transfer, { kind: 'timer', id: 'timer' }))),
      ...crossings.map((crossing) => () => service.resume(crossing)),
    ].slice(0, CREDITS)
    if (accepted.size + upkeep.length > 0) points('work listed')
    for (const [shard, commands] of accepted)
      give(
        shard,
        commands.map((command) => () => carryOut('accepted transfer', command)),
      )
    if (upkeep.length > 0) give(UPKEEP, upkeep)
  }

  /** Within the trace of whoever wanted it: what comes of it goes on with the span. */
  function carryOut(name: string, { trace, ...command }: Command): Promise<unknown> {
    return inSpan(tracer, name, trace === undefined ? {} : { trace }, () => service.submit(command))
  }

  function give(shard: number, tasks: readonly (() => Promise<unknown>)[]): void {
    const given = credits.spend(shard, tasks.length, async () => {
      const outcomes = await Promise.allSettled(tasks.map((task) => task()))
      const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
      for (const { reason } of failed) {
        log.error({ err: reason }, 'a command in the background failed; it is tried again')
      }
      return failed.length === 0
    })
    given.then((isWell) => {
      const mayWait = passedOver.delete(shard) || tasks.length === credits.each
      if (isWell && mayWait) nap.abort() // else it is tried again after a while
    })
  }

  async function work(): Promise<void> {
    while (!stop.signal.aborted) {
      nap = new AbortController() // before looking, so that what is accepted meanwhile is not slept over
      await round().catch((err) => log.error({ err }, 'the background of cash flow failed; it is tried again'))
      await sleep(LOOK_MS, null, { signal: AbortSignal.any([stop.signal, nap.signal]) }).catch(() => null)
    }
  }

  return {
    start(): void {
      startedAt = clock.now()
      working = work()
      const store: Pick<Outbox, 'transaction'> = {
        async transaction(follow) {
          const result = await transaction(follow)
          nap.abort() // what a review decided is carried out at once
          return result
        },
      }
      const apply = (event: Event, sql: Sql) => keepReviewed(event, sql, clock, points)
      follower = followFeed({ feed: 'risk', source: riskEvents, store, apply, versions: READ, tracer, log })
    },
    /** A command was accepted: no need to wait for the next look. */
    wake: (): void => nap.abort(),
    async close(): Promise<void> {
      stop.abort()
      await Promise.all([working, follower?.close()])
      await credits.idle()
    },
  }
}

const READ = { 'review.approved': 1, 'review.declined': 1 } as const
const Decision = Type.Object({ case: Type.String(), transfer: Type.String() })
const checkDecision = checkOf(Decision)

/** Writes down what a review decided, in the follower's transaction; the shard's writer carries it out. */
async function keepReviewed(event: Event, sql: Sql, clock: Clock, points: Points): Promise<void> {
  if (event.type !== 'review.approved' && event.type !== 'review.declined') return
  const decision = checkDecision(event.data)
  assert(decision.ok, `the event ${event.id} names its case and transfer`)
  const { case: review, transfer } = decision.value
  const { trace } = event
  const decided = { transfer, approved: event.type === 'review.approved', review, ...(trace && { trace }) }
  await keepDecision(sql, event.id, decided, clock.now())
  points('decision kept')
}

/** A hold that is resolved already stays as it is. */
function commandOf({ transfer, approved, review, ...traced }: Decided): Command {
  const by: Actor = { kind: 'review', id: review }
  const command = approved
    ? ({ kind: 'capture', request: null, by, transfer, amount: null } as const)
    : voidOf(transfer, by)
  return { ...command, ...traced }
}

function voidOf(transfer: string, by: Actor): Command {
  return { kind: 'void', request: null, by, transfer }
}
