import { assert } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Database, Sql } from '../../platform/database.ts'
import type { ExportPart } from '../../platform/export-document.ts'
import type { KeyRing } from '../../platform/key-file.ts'
import type { Audience } from '../../platform/person.ts'
import { EXPORTS_KEPT_MAX, type ExportOutcome, type ExportRequest, type PersonExport } from './export-model.ts'
import { insertExport, selectExport, selectExports, selectKept, selectPart } from './export-store.ts'
import { insertKey, selectErasure, selectKey } from './key-store.ts'
import { newMemberKey, openPart, unwrap } from './member-keys.ts'
import { hasMember, lockMember } from './store.ts'

/** What the platform holds on persons, gathered for them or for those who answer to them. */
export interface Exports {
  /** Begins one, or names the one that is under way for the same audience. */
  begin(request: ExportRequest): Promise<ExportOutcome>
  read(id: string): Promise<PersonExport | null>
  /** Newest first, below the id `before`. */
  list(
    of: { readonly member: string | null; readonly audience: Audience | null },
    before: string | null,
    limit: number,
  ): Promise<readonly PersonExport[]>
  /** Null when it has no such part, or none any more. @throws Problem `dependency_unavailable` when its key is not there */
  part(exported: PersonExport, number: number): Promise<ExportPart | null>
}

export function createExports(options: {
  readonly database: Database
  readonly clock: Clock
  readonly ring: KeyRing
  /** Told that there is one more to gather. */
  readonly onBegun: () => void
}): Exports {
  const { database, clock, ring, onBegun } = options
  return {
    async begin(request) {
      const outcome = await database.transaction((sql) => begin(sql, clock, ring, request))
      if (outcome.kind === 'begun') onBegun()
      return outcome
    },

    read: (id) => database.transaction((sql) => selectExport(sql, id)),

    list: (of, before, limit) => database.transaction((sql) => selectExports(sql, of, before, limit)),

    part: ({ id, keyOf }, number) =>
      database.transaction(async (sql) => {
        const sealed = await selectPart(sql, id, number)
        if (sealed === null) return null
        const key = await exportKey(sql, ring, keyOf)
        return JSON.parse(openPart(key, id, number, sealed)) as ExportPart
      }),
  }
}

/** @throws Problem when a key that nobody destroyed is not there */
export async function exportKey(sql: Sql, ring: KeyRing, keyOf: string): Promise<Uint8Array> {
  const kept = await selectKey(sql, keyOf, 'kept')
  if (kept !== null) return unwrap(ring, kept)
  const cause = new Error(`there is no key of ${keyOf}: bring member_key back from its own backup`)
  throw new Problem('dependency_unavailable', { detail: 'a key that this answer needs is not there', cause })
}

async function begin(sql: Sql, clock: Clock, ring: KeyRing, request: ExportRequest): Promise<ExportOutcome> {
  const { member, audience } = request
  if (!(await hasMember(sql, member))) return { kind: 'not_found' }
  await lockMember(sql, member) // two requests at once would count the same; an erasure comes before or after
  const kept = await selectKept(sql, member, audience)
  const running = kept.find(({ state }) => state === 'running')
  if (running !== undefined) return { kind: 'begun', exported: running }
  if (kept.length >= EXPORTS_KEPT_MAX) return { kind: 'too_many' }
  const now = clock.now()
  const id = newId('export', now)
  const isErased = (await selectErasure(sql, member)) !== null
  // Where the member's key is destroyed, what stays of the person in the books is sealed by a key that ends with the export.
  if (isErased) await insertKey(sql, clock, newMemberKey(ring, id).kept)
  await insertExport(sql, id, request, isErased ? id : member, now)
  const exported = await selectExport(sql, id)
  assert(exported !== null, 'what was inserted is there')
  return { kind: 'begun', exported }
}
