import type { Clock } from '../kernel/clock.ts'
import { type IdKind, newId } from '../kernel/id.ts'
import type { Database, Sql } from './database.ts'
import type { Happening, Outbox } from './outbox.ts'
import type { ChangeOutcome, Version, VersionChoice, VersionedRecords } from './versions.ts'

export type RollbackOutcome<Fields> = ChangeOutcome<Fields> | { readonly kind: 'unknown_version' }

/** The use cases of a resource that keeps every version, each in one transaction. */
export interface VersionedService<Fields> {
  create(fields: Fields, actor: string): Promise<Version<Fields>>
  /** Creates the record under this id unless it is there. */
  seed(id: string, fields: Fields): Promise<void>
  read(id: string, choice: VersionChoice): Promise<Version<Fields> | null>
  /** Versions below `before`, newest first. */
  list(id: string, limit: number, before: number): Promise<readonly Version<Fields>[]>
  /** Writes the next version if the newest is the `expected` one; null expects nothing. */
  change(
    id: string,
    expected: number | null,
    actor: string,
    next: (fields: Fields) => Fields,
  ): Promise<ChangeOutcome<Fields>>
  /** Writes the fields of version `to` once more, as the next version. */
  rollback(id: string, expected: number | null, actor: string, to: number): Promise<RollbackOutcome<Fields>>
}

export function createVersionedService<Fields>(options: {
  readonly kind: IdKind
  readonly records: VersionedRecords<Fields>
  readonly database: Database
  readonly clock: Clock
  /** Where others are told of each change, in its transaction. */
  readonly told?: { readonly outbox: Pick<Outbox, 'transaction'>; happening(version: Version<Fields>): Happening }
}): VersionedService<Fields> {
  const { kind, records, database, clock, told } = options

  const changing = <Outcome extends RollbackOutcome<Fields>>(
    work: (sql: Sql) => Promise<Outcome>,
  ): Promise<Outcome> => {
    if (told === undefined) return database.transaction(work)
    return told.outbox.transaction(async (sql, emit) => {
      const outcome = await work(sql)
      if (outcome.kind === 'changed') emit(told.happening(outcome.version))
      return outcome
    })
  }

  return {
    create: (fields, actor) =>
      database.transaction((sql) => records.create(sql, newId(kind, clock.now()), fields, actor)),

    seed: (id, fields) =>
      database.transaction(async (sql) => {
        if ((await records.read(sql, id, 'newest')) === null) await records.create(sql, id, fields, 'seed')
      }),

    read: (id, choice) => database.transaction((sql) => records.read(sql, id, choice)),

    list: (id, limit, before) => database.transaction((sql) => records.list(sql, id, limit, before)),

    change: (id, expected, actor, next) =>
      changing((sql) => records.change(sql, id, expected, actor, (newest) => ({ fields: next(newest.fields) }))),

    rollback: (id, expected, actor, to) =>
      changing<RollbackOutcome<Fields>>(async (sql) => {
        const target = await records.read(sql, id, { version: to })
        if (target !== null)
          return records.change(sql, id, expected, actor, () => ({ fields: target.fields, rollbackOf: to }))
        return { kind: (await records.read(sql, id, 'newest')) === null ? 'not_found' : 'unknown_version' }
      }),
  }
}
