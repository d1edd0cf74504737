import { randomBytes } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Database } from '../../platform/database.ts'
import { destinationFault } from '../../platform/safe-destination.ts'
import { createVersionedService, type VersionedService } from '../../platform/versioned-service.ts'
import { ENDPOINTS_PER_MEMBER_MAX, type Endpoint, type MemberEvent, type RegistrationOutcome } from './model.ts'
import type { MemberFields } from './schema.ts'
import {
  createMemberStore,
  deleteEndpoint,
  insertEndpoint,
  lockMember,
  selectEndpoint,
  selectEndpoints,
  selectMemberEvents,
} from './store.ts'

const SECRET_BYTES = 32

export interface MembershipService {
  readonly members: VersionedService<MemberFields>
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
  readonly allowLoopback: boolean
}): MembershipService {
  const { database, clock, allowLoopback } = options
  return {
    members: createVersionedService({ kind: 'member', records: createMemberStore(clock), database, clock }),

    async registerEndpoint(member, url, events) {
      const fault = destinationFault(url, allowLoopback)
      if (fault !== null) return { kind: 'bad_destination', fault }
      const [id, createdAt] = [newId('endpoint', clock.now()), clock.now()]
      const secret = `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`
      const endpoint: Endpoint = { id, member, url, events, secret, createdAt }
      return database.transaction(async (sql) => {
        await lockMember(sql, member, 0) // two registrations at once would count the same endpoints
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
