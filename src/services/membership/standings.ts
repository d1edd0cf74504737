import type { Clock } from '../../kernel/clock.ts'
import type { Database, Sql } from '../../platform/database.ts'
import { headOf, type Outbox } from '../../platform/outbox.ts'
import type { MemberStatus } from '../../platform/standing-news.ts'
import { createVersionedService, type VersionedService } from '../../platform/versioned-service.ts'
import { createVersionedRecords, plainFields, type Version, type VersionedRecords } from '../../platform/versions.ts'
import type { StandingFields } from './standing-schema.ts'

/** As every member begins. */
export const FIRST_STANDING: StandingFields = {
  status: 'active',
  level: 0,
  kind: 'person',
  reason: 'as every member begins',
}

type NotActive = { readonly member: string; readonly status: MemberStatus }

/** What members may do here; each version is kept, and each change is told by the feed. */
export interface Standings {
  readonly records: VersionedService<StandingFields>
  /** Who is not active, with an id above `after`, in order; all events of the feed up to `seq` are in them. */
  listNotActive(after: string, limit: number): Promise<{ readonly seq: bigint; readonly found: readonly NotActive[] }>
}

export function standingRecords(clock: Clock): VersionedRecords<StandingFields> {
  return createVersionedRecords('standing', clock, plainFields())
}

export function createStandings(database: Database, outbox: Outbox, clock: Clock): Standings {
  return {
    records: createVersionedService({
      kind: 'member',
      records: standingRecords(clock),
      ...{ database, clock, told: { outbox, happening: changed } },
    }),
    listNotActive: (after, limit) =>
      database.transaction(async (sql) => {
        const seq = await headOf(sql) // before the rows: what is told twice does no harm
        return { seq, found: await selectNotActive(sql, after, limit) }
      }),
  }
}

/** Why it changed is for operators alone. */
function changed({ id: member, version, fields: { status, level, kind } }: Version<StandingFields>) {
  const data = { member, version, status, level, kind }
  return { type: 'standing.changed', subject: member, members: [], data }
}

/** Those who ever were not active, less those who are again. */
function selectNotActive(sql: Sql, after: string, limit: number): Promise<readonly NotActive[]> {
  return sql.query<NotActive>(
    `SELECT id AS member, status FROM (
       SELECT DISTINCT id FROM record_version WHERE kind = 'standing' AND data ->> 'status' <> 'active' AND id > $1
     ) AS once
     CROSS JOIN LATERAL (
       SELECT data ->> 'status' AS status FROM record_version AS newest
       WHERE kind = 'standing' AND newest.id = once.id ORDER BY version DESC LIMIT 1
     ) AS now
     WHERE status <> 'active' ORDER BY id LIMIT $2`,
    [after, limit],
  )
}
