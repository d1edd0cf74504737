import type { Clock } from '../../kernel/clock.ts'
import type { Outbox } from '../../platform/outbox.ts'
import {
  type Break,
  type BreakFilter,
  type BreakKind,
  filesUnderWay,
  findBreak,
  insertStep,
  listBreaks,
  lockBreak,
  type Resolution,
  resolvePayouts,
  type Step,
} from './break-store.ts'
import { giveBackPart, notConfirmed } from './return-store.ts'

/** What can be proposed for each kind: nobody gives back what the bank has paid, or explains away what a member waits for. */
const RESOLUTIONS: Readonly<Record<BreakKind, readonly Resolution[]>> = {
  missing: ['write_off', 'give_back'],
  different: ['write_off'],
  unexpected: ['write_off', 'explained'],
  returned: ['give_back', 'write_off', 'explained'],
}

export type BreakOutcome =
  | { readonly kind: 'done'; readonly break: Break }
  | { readonly kind: 'not_found' }
  /** It is resolved, or nothing was proposed, or it has another version. */
  | { readonly kind: 'not_now'; readonly break: Break }
  | { readonly kind: 'not_for_this_kind'; readonly allowed: readonly Resolution[] }
  /** The bank has not answered yet, and would be asked again for what was given back. */
  | { readonly kind: 'file_under_way'; readonly file: string }
  /** What came back was not paid, as far as any statement tells, or was given back before. */
  | { readonly kind: 'not_confirmed'; readonly payout: string; readonly state: string }
  /** Who proposes does not approve. */
  | { readonly kind: 'same_person' }
  /** Who brought the statement does not approve what is made of it. */
  | { readonly kind: 'importer' }

export interface Breaks {
  read(id: string): Promise<Break | null>
  list(filter: BreakFilter, after: string | null, limit: number): Promise<readonly Break[]>
  /** Makes it somebody's; what was proposed is not any more. */
  assign(id: string, owner: string, actor: string): Promise<BreakOutcome>
  /** Takes the place of what was proposed before. */
  propose(id: string, resolution: Resolution, reason: string, actor: string): Promise<BreakOutcome>
  /** By another person than proposed it, or brought the statement, who saw this `version`. */
  approve(id: string, version: number, actor: string): Promise<BreakOutcome>
}

export function createBreaks(outbox: Outbox, clock: Clock): Breaks {
  type Decision = Omit<Step, 'version'> | Exclude<BreakOutcome, { kind: 'done' | 'not_found' }>
  const change = (id: string, next: (present: Break) => Decision): Promise<BreakOutcome> =>
    outbox.transaction(async (sql, emit) => {
      const present = await lockBreak(sql, id)
      if (present === null) return { kind: 'not_found' }
      if (present.state === 'resolved') return { kind: 'not_now', break: present }
      const decided = next(present)
      if ('kind' in decided) return decided
      if (decided.resolution === 'give_back') {
        const [file] = await filesUnderWay(sql, id)
        if (file !== undefined) return { kind: 'file_under_way', file }
        const early = await notConfirmed(sql, id)
        if (early !== null) return { kind: 'not_confirmed', ...early }
      }
      const now = clock.now()
      await insertStep(sql, id, { ...decided, version: present.version + 1 }, now)
      const { state, owner, resolution, actor } = decided
      if (state === 'resolved' && resolution === 'give_back' && present.kind === 'returned') {
        await giveBackPart(sql, id, now)
      } else if (state === 'resolved' && present.payouts.length > 0) {
        await resolvePayouts(sql, id, resolution === 'give_back' ? 'returning' : 'confirming', now)
      }
      const event = state === 'open' ? 'assigned' : state
      emit({ type: `break.${event}`, subject: id, members: [], data: { break: id, owner, resolution, actor } })
      return { kind: 'done', break: { ...present, ...decided, version: present.version + 1 } }
    })

  return {
    read: (id) => outbox.transaction((sql) => findBreak(sql, id)),
    list: (filter, after, limit) => outbox.transaction((sql) => listBreaks(sql, filter, after, limit)),

    assign: (id, owner, actor) =>
      change(id, () => ({ state: 'open', owner, resolution: null, actor, reason: `to ${owner}` })),

    propose: (id, resolution, reason, actor) =>
      change(id, ({ kind, owner }) => {
        const allowed = RESOLUTIONS[kind]
        if (!allowed.includes(resolution)) return { kind: 'not_for_this_kind', allowed }
        return { state: 'proposed', owner, resolution, actor, reason }
      }),

    approve: (id, version, actor) =>
      change(id, (present) => {
        if (present.state !== 'proposed' || present.version !== version) return { kind: 'not_now', break: present }
        if (present.actor === actor) return { kind: 'same_person' }
        if (present.importedBy === actor) return { kind: 'importer' }
        return {
          state: 'resolved',
          owner: present.owner,
          resolution: present.resolution,
          actor,
          reason: present.reason,
        }
      }),
  }
}
