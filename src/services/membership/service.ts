import { randomBytes } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Database } from '../../platform/database.ts'
import type { KeyRing } from '../../platform/key-file.ts'
import { destinationFault } from '../../platform/safe-destination.ts'
import { createVersionedService, type VersionedService } from '../../platform/versioned-service.ts'
import type { Version } from '../../platform/versions.ts'
import { destroyKey, selectErasure } from './key-store.ts'
import { ENDPOINTS_PER_MEMBER_MAX, type Endpoint, type MemberEvent, type RegistrationOutcome } from './model.ts'
import type { MemberRecord } from './schema.ts'
import {
  createMemberStore,
  deleteEndpoint,
  deleteEndpoints,
  hasMember,
  insertEndpoint,
  lockMember,
  selectEndpoint,
  selectEndpoints,
  selectMemberEvents,
} from './store.ts'

const SECRET_BYTES = 32

export interface MembershipService {
  readonly members: VersionedService<MemberRecord>
  /**
   * Destroys the member's key, so that no version of the record tells of a person any more, and takes the member's endpoints
   * away. Asked again, it changes nothing. @returns the newest version as it reads from now on; null when there is no such member
   */
  erase(member: string, actor: string, reason: string): Promise<Version<MemberRecord> | null>
  registerEndpoint(member: string, url: string, events: readonly string[]): Promise<RegistrationOutcome>
  /** Null when the member has no such endpoint. */
  readEndpoint(member: string, id: string): Promise<Endpoint | null>
  /** The member's endpoints with an id above `after`, oldest first. */
  listEndpoints(member: string, after: string, limit: number): Promise<readonly Endpoint[]>
  /** What is queued for it is not sent any more. @returns false when the member has no such endpoint */
  removeEndpoint(member: string, id: string): Promise<boolean>
  /** The member's events numbered above `after`, oldest first. */
  listEvents(member: string, after: bigint, limit: number): Promise<readonly MemberEvent[]>
}

export function createMembershipService(options: {
  readonly database: Database
  readonly clock: Clock
  readonly ring: KeyRing
  readonly allowLoopback: boolean
}): MembershipService {
  const { database, clock, ring, allowLoopback } = options
  const records = createMemberStore(clock, ring)
  return {
    members: createVersionedService({ kind: 'member', records, database, clock }),

    erase: (member, actor, reason) =>
      database.transaction(async (sql) => {
        if (!(await hasMember(sql, member))) return null // not by reading: a key that is lost holds up no erasure
        await lockMember(sql, member, 0) // an endpoint that is being registered is there by then, or refused
        await destroyKey(sql, member, { at: clock.now(), actor, reason })
        await deleteEndpoints(sql, member)
        return records.read(sql, member, 'newest')
      }),

    async registerEndpoint(member, url, events) {
      const fault = destinationFault(url, allowLoopback)
      if (fault !== null) return { kind: 'bad_destination', fault }
      const [id, createdAt] = [newId('endpoint', clock.now()), clock.now()]
      const secret = `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`
      const endpoint: Endpoint = { id, member, url, events, secret, createdAt }
      return database.transaction(async (sql) => {
        await lockMember(sql, member, 0) // two registrations at once would count the same endpoints
        if ((await selectErasure(sql, member)) !== null) return { kind: 'erased' }
        const present = await selectEndpoints(sql, member, '', ENDPOINTS_PER_MEMBER_MAX)
        if (present.length === ENDPOINTS_PER_MEMBER_MAX) return { kind: 'too_many' }
        await insertEndpoint(sql, endpoint)
        return { kind: 'registered', endpoint }
      })
    },

    async readEndpoint(member, id) {
      const endpoint = await database.transaction((sql) => selectEndpoint(sql, id))
      return endpoint?.member === member ? endpoint : null
    },

    listEndpoints: (member, after, limit) => database.transaction((sql) => selectEndpoints(sql, member, after, limit)),

    removeEndpoint: (member, id) => database.transaction((sql) => deleteEndpoint(sql, member, id)),

    listEvents: (member, after, limit) => database.transaction((sql) => selectMemberEvents(sql, member, after, limit)),
  }
}
