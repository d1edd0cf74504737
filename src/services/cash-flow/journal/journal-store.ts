import { Problem } from '../../../kernel/problem.ts'
import type { Outcome } from '../../../platform/journal/leadership.ts'
import { placeOf } from '../../../platform/journal/record.ts'
import type { Outbox, Packed } from '../../../platform/outbox.ts'
import type { Appended, Batch, BatchStore } from '../append.ts'
import { nobodyListens, type Points } from '../points.ts'
import {
  ELSEWHERE,
  hasShards,
  isMadeBefore,
  listShards,
  moveProjection,
  readShard,
  refuseMadeBefore,
} from '../store.ts'
import { statementsOfEntry } from './carry-out.ts'
import { type Entry, writeEntry } from './entry.ts'
import type { Lead, Reign } from './lead.ts'

/** Of a record that the stores have not taken, or have not confirmed. */
class NotAppended extends Error {
  readonly outcome: Exclude<Outcome, { kind: 'ok' }>

  constructor(outcome: NotAppended['outcome']) {
    super('the journal has not confirmed the record')
    this.outcome = outcome
  }
}

/**
 * Keeps batches in a journal in several stores, of which the database is made. The database carries a record out first, and
 * commits once enough stores have it: so it refuses what it can't keep before it is in the journal, and shows nothing that may be
 * gone again. What it did not commit although the journal has it, it catches up on.
 */
export function createJournalStore(
  lead: Pick<Lead, 'inTurn' | 'confirm'>,
  { transaction, atOnce, pack }: Pick<Outbox, 'transaction' | 'atOnce' | 'pack'>,
  points: Points = nobodyListens,
): BatchStore {
  async function keep(reign: Reign, entry: Entry, events: Packed, batch?: Batch): Promise<Appended> {
    let isAppended = false
    const statements = [
      ...refuseMadeBefore(batch?.presumed ?? []),
      ...statementsOfEntry(reign.place, entry, reign.isShared),
    ]
    try {
      await atOnce(statements, events, async () => {
        const outcome = await reign.leadership.append(writeEntry(entry))
        if (outcome.kind !== 'ok') throw new NotAppended(outcome)
        isAppended = true
        reign.isBehind = true // until the database has it as well
        reign.place = placeOf(outcome.record)
        points('batch appended', batch)
        return [moveProjection(outcome.record)]
      })
      reign.isBehind = false
      return 'appended'
    } catch (error) {
      if (isAppended) throw unknown('the journal has it, and the database not yet', error)
      if (error instanceof NotAppended) return refused(error)
      if (isMadeBefore(error, batch?.presumed ?? [])) return 'made_before'
      if (error instanceof Error && 'code' in error && error.code === ELSEWHERE) {
        reign.isBehind = true
        return 'overtaken'
      }
      throw error
    }
  }

  const note: BatchStore['note'] = async (notice) => {
    const kept = await lead.inTurn((reign) => keep(reign, notice, pack([])))
    if (kept === 'overtaken')
      throw new Problem('dependency_unavailable', { detail: 'the journal is led anew; nothing was done' })
  }

  return {
    async shards(wished, now) {
      // In a process that leads: what the journal tells of shards is carried out by then.
      const has = await lead.inTurn(() => transaction((sql) => hasShards(sql, wished)))
      if (!has) await note({ kind: 'shards', count: wished, at: now })
      return transaction(listShards)
    },
    take: (shard) =>
      lead.inTurn(async ({ leadership }) => {
        const lease = { ...(await transaction((sql) => readShard(sql, shard))), epoch: BigInt(leadership.epoch) }
        points('shard taken')
        return lease
      }),
    holds: async ([first]) => first === undefined || lead.confirm(Number(first.epoch)),
    note,
    ready(batch) {
      const { happenings, presumed: _, ...rest } = batch
      const events = pack(happenings)
      return async () => {
        points('batch decided', batch)
        const kept = await lead.inTurn((reign) => {
          const isOfReign = rest.records.every(({ epoch }) => epoch === BigInt(reign.leadership.epoch))
          if (!isOfReign) return Promise.resolve('overtaken' as const)
          return keep(reign, { kind: 'batch', batch: { ...rest, pages: events.pages } }, events, batch)
        })
        if (kept === 'appended') points('batch committed', batch)
        return kept
      }
    },
  }
}

/** What was not appended. A leader that is one no more takes its shards anew, or learns that it can't. */
function refused({ outcome }: NotAppended): 'overtaken' {
  if (outcome.kind === 'unknown') throw unknown('the journal has not confirmed it', outcome)
  return 'overtaken'
}

function unknown(detail: string, cause: unknown): Problem {
  return new Problem('outcome_unknown', { detail, cause })
}
