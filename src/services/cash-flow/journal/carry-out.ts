import { assert } from '../../../kernel/assert.ts'
import type { Conclude, Statement } from '../../../platform/database.ts'
import { type JournalRecord, type Place, placeOf } from '../../../platform/journal/record.ts'
import type { Outbox, Packed } from '../../../platform/outbox.ts'
import { holdProjection, moveProjection, openMonth, statementsOfFacts, statementsOfNotice } from '../store.ts'
import { type Entry, readEntry } from './entry.ts'

/** What carries an entry out behind the record that was carried out last; without the commit, and without where it is then. */
export function statementsOfEntry(last: Place, entry: Entry, isShared: boolean): readonly Statement[] {
  if (entry.kind !== 'batch') return [...holdProjection(last, [], isShared), ...statementsOfNotice(entry)]
  return [...holdProjection(last, entry.batch.records, isShared), ...statementsOfFacts(entry.batch)]
}

/**
 * Carries out a record that the journal has and this database has not. `months`: of which it is known that there are tables.
 * @returns where the database is then
 */
export async function carryOut(
  { transaction, atOnce }: Pick<Outbox, 'transaction' | 'atOnce'>,
  last: Place,
  record: JournalRecord,
  months: Set<string>,
): Promise<Place> {
  assert(record.kind === 'batch', 'what is carried out was appended by cash flow')
  const entry = readEntry(record.body)
  const [first] = entry.kind === 'batch' ? entry.batch.records : []
  const month = first === undefined ? null : new Date(first.at).toISOString().slice(0, 7)
  if (first !== undefined && month !== null && !months.has(month)) {
    await transaction((sql) => openMonth(sql, first.at))
    months.add(month)
  }
  const events: Packed = { happenings: [], pages: entry.kind === 'batch' ? entry.batch.pages : [] }
  const conclude: Conclude = async () => [moveProjection(record)]
  await atOnce(statementsOfEntry(last, entry, false), events, conclude)
  return placeOf(record)
}
