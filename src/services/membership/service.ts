import { randomBytes } from 'node:crypto'
import type { Clock, Instant } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Database } from '../../platform/database.ts'
import { deliverAgain, type KeptDelivery, listDeliveries } from '../../platform/delivery-queue.ts'
import type { KeyRing } from '../../platform/key-file.ts'
import type { Happening, Outbox } from '../../platform/outbox.ts'
import { destinationFault } from '../../platform/safe-destination.ts'
import { createVersionedService, type VersionedService } from '../../platform/versioned-service.ts'
import type { Version } from '../../platform/versions.ts'
import { replaceSecret, selectOldSecrets, setDisabled } from './endpoint-store.ts'
import { deleteParts, destroyExports } from './export-store.ts'
import { destroyKey, selectErasure } from './key-store.ts'
import {
  ENDPOINTS_PER_MEMBER_MAX,
  type Endpoint,
  type MemberEvent,
  type RegistrationOutcome,
  type RotationOutcome,
  SECRETS_MAX,
} from './model.ts'
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
const OLD_SECRET_MS = 24 * 3_600_000

function newSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`
}

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
  /** The secret before goes on signing for a day, beside the new one. */
  rotateSecret(member: string, id: string): Promise<RotationOutcome>
  /** It is sent to again; what happened meanwhile is not. Null when the member has no such endpoint. */
  enableEndpoint(member: string, id: string): Promise<Endpoint | null>
  /** The endpoint's messages with a sequence below `before`, newest first. Null when the member has no such endpoint. */
  listDeliveries(
    member: string,
    id: string,
    before: bigint | null,
    limit: number,
  ): Promise<readonly KeptDelivery[] | null>
  /** Sends a message again, under its own id. Null when the member has no such endpoint or message. */
  redeliver(member: string, id: string, sequence: bigint): Promise<KeptDelivery | null>
  /** What is queued for it is not sent any more. @returns false when the member has no such endpoint */
  removeEndpoint(member: string, id: string): Promise<boolean>
  /** The member's events numbered above `after`, oldest first. */
  listEvents(member: string, after: bigint, limit: number): Promise<readonly MemberEvent[]>
}

export function createMembershipService(options: {
  readonly database: Database
  /** Where others are told that what is said of a person changed. */
  readonly outbox: Outbox
  readonly clock: Clock
  readonly ring: KeyRing
  readonly allowLoopback: boolean
}): MembershipService {
  const { database, outbox, clock, ring, allowLoopback } = options
  const records = createMemberStore(clock, ring)
  return {
    members: createVersionedService({
      ...{ kind: 'member', records, database, clock },
      told: { outbox, happening: ({ id, version }) => changed(id, version) },
    }),

    erase: (member, actor, reason) =>
      outbox.transaction(async (sql, emit) => {
        if (!(await hasMember(sql, member))) return null // not by reading: a key that is lost holds up no erasure
        await lockMember(sql, member) // an endpoint that is being registered is there by then, or refused
        await destroyKey(sql, member, { at: clock.now(), actor, reason })
        await deleteEndpoints(sql, member)
        await deleteParts(sql, await destroyExports(sql, member, clock.now()))
        const erased = await records.read(sql, member, 'newest')
        if (erased !== null) emit(changed(member, erased.version))
        return erased
      }),

    async registerEndpoint(member, url, events) {
      const fault = destinationFault(url, allowLoopback)
      if (fault !== null) return { kind: 'bad_destination', fault }
      const [id, createdAt] = [newId('endpoint', clock.now()), clock.now()]
      const secret = newSecret()
      const endpoint: Endpoint = { id, member, url, events, secret, createdAt, disabledAt: null }
      return database.transaction(async (sql) => {
        await lockMember(sql, member) // two registrations at once would count the same endpoints
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

    rotateSecret: (member, id) =>
      database.transaction(async (sql) => {
        await lockMember(sql, member) // two rotations at once would count the same secrets
        const endpoint = await selectEndpoint(sql, id)
        if (endpoint?.member !== member) return { kind: 'not_found' }
        const now = clock.now()
        if ((await selectOldSecrets(sql, id, now)).length >= SECRETS_MAX - 1) return { kind: 'too_many' }
        const [secret, oldUntil] = [newSecret(), (now + OLD_SECRET_MS) as Instant]
        await replaceSecret(sql, id, secret, now, oldUntil)
        return { kind: 'rotated', endpoint: { ...endpoint, secret }, oldUntil }
      }),

    enableEndpoint: (member, id) =>
      database.transaction(async (sql) => {
        const endpoint = await selectEndpoint(sql, id)
        if (endpoint?.member !== member) return null
        await setDisabled(sql, id, null)
        return selectEndpoint(sql, id)
      }),

    listDeliveries: (member, id, before, limit) =>
      database.transaction(async (sql) => {
        const endpoint = await selectEndpoint(sql, id)
        return endpoint?.member === member ? listDeliveries(sql, id, before, limit) : null
      }),

    redeliver: (member, id, sequence) =>
      database.transaction(async (sql) => {
        const endpoint = await selectEndpoint(sql, id)
        return endpoint?.member === member ? deliverAgain(sql, clock, id, sequence) : null
      }),

    listEndpoints: (member, after, limit) => database.transaction((sql) => selectEndpoints(sql, member, after, limit)),

    removeEndpoint: (member, id) => database.transaction((sql) => deleteEndpoint(sql, member, id)),

    listEvents: (member, after, limit) => database.transaction((sql) => selectMemberEvents(sql, member, after, limit)),
  }
}

/** Others ask for what they need of a person: the event says no more than that it is to be asked for. */
function changed(member: string, version: number): Happening {
  return { type: 'member.changed', subject: member, members: [], data: { member, version } }
}
