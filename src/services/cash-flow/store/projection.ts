import type { Sql, Statement } from '../../../platform/database.ts'
import { type Place, placeOf } from '../../../platform/journal/record.ts'
import type { JournalRecord, Lease } from '../append.ts'

/** SQLSTATE: another record of the journal was carried out last. */
export const ELSEWHERE = 'TG002'

/** Up to which record of the journal in several stores this database has carried all out. */
export async function readProjection(sql: Sql): Promise<Place> {
  const [row] = await sql.query<{ seq: bigint; epoch: bigint; hash: string }>('SELECT * FROM projection')
  if (row === undefined) throw new Error('the database does not say how far it has carried out the journal')
  return { seq: Number(row.seq), epoch: Number(row.epoch), hash: row.hash }
}

/**
 * A process that is stopped here holds the rows that the next leader needs: no longer than this, which is less than it takes
 * until there is one. Where the stores take longer the record is caught up on.
 */
const UNDECIDED_MS_MAX = 1_500

/**
 * The first statements of a record that is carried out: what was carried out last is this, and the shards' chains end where these
 * records go on. The journal has it already, or has before the commit, so that nobody waits for this database's disk. `isShared`:
 * with processes that may take the lead.
 */
export function holdProjection(
  last: Place,
  records: readonly JournalRecord[],
  isShared: boolean,
): readonly Statement[] {
  const held = records.map(({ shard }) => `${shard}`)
  const ends = records.map(({ previous }) => previous)
  return [
    { text: 'SET LOCAL synchronous_commit TO off', values: [] },
    ...(isShared ? [{ text: `SET LOCAL idle_in_transaction_session_timeout TO ${UNDECIDED_MS_MAX}`, values: [] }] : []),
    { text: 'SELECT hold_projection($1, $2::smallint[], $3::text[])', values: [last.hash, held, ends] },
  ]
}

/** The last statement of a record that is carried out. */
export function moveProjection(to: Place): Statement {
  const { seq, epoch, hash } = placeOf(to)
  return {
    text: 'UPDATE projection SET seq = $1::bigint, epoch = $2::bigint, hash = $3',
    values: [`${seq}`, `${epoch}`, hash],
  }
}

/** Where the shard's chain ends. */
export async function readShard(sql: Sql, shard: number): Promise<Omit<Lease, 'epoch'>> {
  const [row] = await sql.query<Omit<Lease, 'shard' | 'epoch'>>('SELECT seq, hash, at FROM shard WHERE shard = $1', [
    shard,
  ])
  if (row === undefined) throw new Error(`there is no shard ${shard}`)
  return { shard, ...row }
}

/** Who leads counts up here; nothing rests on it. */
export type Pulse = { readonly epoch: number; readonly beat: bigint }

export async function readPulse(sql: Sql): Promise<Pulse> {
  const [row] = await sql.query<{ epoch: bigint; beat: bigint }>('SELECT epoch, beat FROM pulse')
  return { epoch: Number(row?.epoch ?? 0n), beat: row?.beat ?? 0n }
}

/** One beat of the leader with this epoch; 0: there is none any more. One of an older epoch is not heard. */
export function beatPulse(by: number, epoch: number): Statement {
  return {
    text: 'UPDATE pulse SET beat = beat + 1, epoch = $2::bigint WHERE epoch <= $1::bigint',
    values: [`${by}`, `${epoch}`],
  }
}
