import { assert } from '../../kernel/assert.ts'
import { type Clock, toRfc3339 } from '../../kernel/clock.ts'
import { Problem } from '../../kernel/problem.ts'
import type { KeyRing } from '../../platform/key-file.ts'
import type { AtRest } from '../../platform/versions.ts'
import { insertKey, selectErasure, selectKey } from './key-store.ts'
import { newMemberKey, openFields, sealFields, unwrap } from './member-keys.ts'
import type { Erasure } from './model.ts'
import type { MemberFields, MemberRecord } from './schema.ts'

/** Members' fields stand in the store sealed by each member's own key; once that is destroyed nobody reads them again. */
export function sealedFields(clock: Clock, ring: KeyRing): AtRest<MemberRecord> {
  return {
    async writing(sql, member, first) {
      const made = first ? newMemberKey(ring, member) : null
      if (made !== null) await insertKey(sql, clock, made.kept)
      const kept = made?.kept ?? (await selectKey(sql, member, 'kept'))
      if ((await selectErasure(sql, member)) !== null) return null
      if (kept === null) throw keyMissing(member)
      const key = made?.key ?? unwrap(ring, kept)
      return (version, fields) => {
        assert(isThere(fields), 'what is erased is not written again')
        return sealFields(key, member, version, fields)
      }
    },

    async reading(sql, member) {
      const kept = await selectKey(sql, member, 'as it is')
      const erasure = await selectErasure(sql, member) // after the key: who finds it destroyed finds out why
      if (erasure !== null) return () => erasedFields(erasure)
      if (kept === null) throw keyMissing(member)
      const key = unwrap(ring, kept)
      return (version, stored) => openFields(key, member, version, stored)
    },
  }
}

/** Whether the member was not erased. */
export function isThere(fields: MemberRecord): fields is MemberFields {
  return fields.name !== null
}

function erasedFields({ at, actor, reason }: Erasure): MemberRecord {
  return { name: null, country: null, erased: { at: toRfc3339(at), by: actor, reason } }
}

/** Nobody says that he was erased: it is kept elsewhere, or was lost. */
function keyMissing(member: string): Problem {
  const cause = new Error(`there is no key of ${member}, who was not erased: bring member_key back from its own backup`)
  return new Problem('dependency_unavailable', { detail: 'a key that this answer needs is not there', cause })
}
