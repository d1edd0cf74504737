import type { Json } from '../kernel/canonical-json.ts'
import { type Clock, type Instant, toRfc3339 } from '../kernel/clock.ts'
import type { Row, Sql } from './database.ts'

/** One version of a record. */
export type Version<Fields> = {
  readonly id: string
  readonly version: number
  readonly fields: Fields
  /** The version whose fields this one took back, when it is a rollback. */
  readonly rollbackOf: number | null
  readonly actor: string
  readonly recordedAt: Instant
}

/** Which version to read: the newest, the one in force at a time, or one by its number. */
export type VersionChoice = { readonly at: Instant } | { readonly version: number } | 'newest'

export type ChangeOutcome<Fields> =
  | { readonly kind: 'changed'; readonly version: Version<Fields> }
  | { readonly kind: 'not_found' }
  /** The record is at another version than the caller saw. */
  | { readonly kind: 'version_mismatch'; readonly version: number }
  /** What it told of a person was erased; nothing is added to it any more. */
  | { readonly kind: 'erased' }

/** How the fields of one record's versions stand in the store. */
export interface AtRest<Fields> {
  /** Writes fields; null when the record was erased. `first`: the record is new. */
  writing(sql: Sql, id: string, first: boolean): Promise<((version: number, fields: Fields) => Json) | null>
  reading(sql: Sql, id: string): Promise<(version: number, stored: Json) => Fields>
}

export interface VersionedRecords<Fields> {
  create(sql: Sql, id: string, fields: Fields, actor: string): Promise<Version<Fields>>
  read(sql: Sql, id: string, choice: VersionChoice): Promise<Version<Fields> | null>
  /** Versions below `before`, newest first. */
  list(sql: Sql, id: string, limit: number, before: number): Promise<readonly Version<Fields>[]>
  /** Writes the next version from the newest one, if that is the `expected` one; null expects nothing. */
  change(
    sql: Sql,
    id: string,
    expected: number | null,
    actor: string,
    next: (newest: Version<Fields>) => { readonly fields: Fields; readonly rollbackOf?: number },
  ): Promise<ChangeOutcome<Fields>>
}

export const versionMigrations = new URL('./migrations/versions/', import.meta.url)

const VERSION_MAX = 1_000_000_000_000

/** Fields that stand in the store as they are. */
export function plainFields<Fields extends Json>(): AtRest<Fields> {
  return {
    writing: async () => (_version, fields) => fields,
    reading: async () => (_version, stored) => stored as Fields,
  }
}

/** Records of one kind that keep every version. Two changes at once: the primary key lets one of them in. */
export function createVersionedRecords<Fields>(
  kind: string,
  clock: Clock,
  atRest: AtRest<Fields>,
): VersionedRecords<Fields> {
  const insert = async (sql: Sql, version: Version<Fields>, stored: Json): Promise<boolean> => {
    const rows = await sql.query(
      `INSERT INTO record_version (kind, id, version, data, rollback_of, actor, recorded_at)
       VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING version`,
      [
        kind,
        version.id,
        version.version,
        JSON.stringify(stored),
        version.rollbackOf,
        version.actor,
        toRfc3339(version.recordedAt),
      ],
    )
    return rows.length > 0
  }

  const versionsOf = async (sql: Sql, id: string, rows: readonly Row[]): Promise<readonly Version<Fields>[]> => {
    if (rows.length === 0) return []
    const read = await atRest.reading(sql, id)
    return rows.map((row) => toVersion(row, read))
  }

  const list = async (sql: Sql, id: string, limit: number, before: number): Promise<readonly Version<Fields>[]> => {
    const rows = await sql.query(
      `SELECT * FROM record_version WHERE kind = $1 AND id = $2 AND version < $3 ORDER BY version DESC LIMIT $4`,
      [kind, id, before, limit],
    )
    return versionsOf(sql, id, rows)
  }

  const read = async (sql: Sql, id: string, choice: VersionChoice): Promise<Version<Fields> | null> => {
    if (choice === 'newest') return (await list(sql, id, 1, VERSION_MAX))[0] ?? null
    if ('version' in choice) {
      const [found] = await list(sql, id, 1, choice.version + 1)
      return found?.version === choice.version ? found : null
    }
    const rows = await sql.query(
      `SELECT * FROM record_version WHERE kind = $1 AND id = $2 AND recorded_at <= $3 ORDER BY version DESC LIMIT 1`,
      [kind, id, toRfc3339(choice.at)],
    )
    return (await versionsOf(sql, id, rows))[0] ?? null
  }

  return {
    read,
    list,

    async create(sql, id, fields, actor) {
      const first = { id, version: 1, fields, rollbackOf: null, actor, recordedAt: clock.now() }
      const write = await atRest.writing(sql, id, true)
      if (write === null || !(await insert(sql, first, write(1, fields)))) throw new Error(`the ${kind} ${id} exists`)
      return first
    },

    async change(sql, id, expected, actor, next) {
      const newest = await read(sql, id, 'newest')
      if (newest === null) return { kind: 'not_found' }
      const write = await atRest.writing(sql, id, false)
      if (write === null) return { kind: 'erased' }
      if (expected !== null && expected !== newest.version) {
        return { kind: 'version_mismatch', version: newest.version }
      }
      const { fields, rollbackOf = null } = next(newest)
      const version = { id, version: newest.version + 1, fields, rollbackOf, actor, recordedAt: clock.now() }
      if (await insert(sql, version, write(version.version, fields))) return { kind: 'changed', version }
      return { kind: 'version_mismatch', version: version.version }
    },
  }
}

function toVersion<Fields>(row: Row, read: (version: number, stored: Json) => Fields): Version<Fields> {
  const version = Number(row['version'])
  return {
    id: row['id'] as string,
    version,
    fields: read(version, row['data'] as Json),
    rollbackOf: row['rollback_of'] === null ? null : Number(row['rollback_of']),
    actor: row['actor'] as string,
    recordedAt: row['recorded_at'] as Instant,
  }
}
