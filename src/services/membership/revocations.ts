import type { Clock, Instant } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import { headOf, type Outbox } from '../../platform/outbox.ts'
import { noticeOf, REVOCATIONS_IN_FORCE_MAX, type Revocation, type RevocationOutcome, type Revoked } from './model.ts'
import {
  countInForce,
  insertLift,
  insertRevocation,
  selectInForce,
  selectRevocation,
  selectRevocations,
} from './revocation-store.ts'

/** Tokens taken back before they expire. Each change is a row of its own, and told to the edges by the feed. */
export interface Revocations {
  /** In force from now on, until `until`; null: for as long as a token can live. `actor`: who wants it. */
  revoke(what: Revoked, reason: string, until: Instant | null, actor: string): Promise<RevocationOutcome>
  /** The tokens are good again; lifting twice is no more than once. @returns false when there is no such revocation */
  lift(id: string, actor: string): Promise<boolean>
  read(id: string): Promise<Revocation | null>
  /** Those made before the one with the id `before` (empty: all), newest first, the lifted and lapsed too. */
  list(before: string, limit: number): Promise<readonly Revocation[]>
  /** Those in force with an id above `after`, oldest first; all events of the feed up to `seq` are in them. */
  listInForce(after: string, limit: number): Promise<{ readonly seq: bigint; readonly found: readonly Revocation[] }>
}

export function createRevocations(options: {
  readonly outbox: Outbox
  readonly clock: Clock
  /** No token lives longer. */
  readonly tokenLifeMsMax: number
}): Revocations {
  const { outbox, clock, tokenLifeMsMax } = options
  return {
    revoke: (what, reason, until, actor) =>
      outbox.transaction<RevocationOutcome>(async (sql, emit) => {
        const at = clock.now()
        const end = until ?? ((at + tokenLifeMsMax) as Instant)
        if (end <= at) return { kind: 'over' }
        if ((await countInForce(sql, at)) >= REVOCATIONS_IN_FORCE_MAX) return { kind: 'too_many' }
        const revocation = { id: newId('revocation', at), ...what, reason, actor, at, until: end, lifted: null }
        await insertRevocation(sql, revocation)
        emit({ type: 'revocation.made', subject: revocation.id, members: [], data: noticeOf(revocation) })
        return { kind: 'revoked', revocation }
      }),

    lift: (id, actor) =>
      outbox.transaction(async (sql, emit) => {
        if ((await selectRevocation(sql, id)) === null) return false
        const isFirst = await insertLift(sql, id, actor, clock.now())
        if (isFirst) emit({ type: 'revocation.lifted', subject: id, members: [], data: { id } })
        return true
      }),

    read: (id) => outbox.transaction((sql) => selectRevocation(sql, id)),
    list: (before, limit) => outbox.transaction((sql) => selectRevocations(sql, before, limit)),
    listInForce: (after, limit) =>
      outbox.transaction(async (sql) => {
        const seq = await headOf(sql) // before the rows: what is told twice does no harm
        return { seq, found: await selectInForce(sql, clock.now(), after, limit) }
      }),
  }
}
