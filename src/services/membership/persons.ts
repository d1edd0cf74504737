import { type Clock, toRfc3339 } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import { listDeliveries } from '../../platform/delivery-queue.ts'
import type { KeyRing } from '../../platform/key-file.ts'
import {
  type Audience,
  actorFor,
  type PersonAsked,
  type PersonPage,
  type PersonPlan,
  type PersonSection,
  personPage,
  wholeSections,
} from '../../platform/person.ts'
import type { Version, VersionedRecords } from '../../platform/versions.ts'
import { deliveryOnWire } from './delivery-routes.ts'
import { endpointOnWire } from './endpoint-routes.ts'
import { eventOnWire } from './event-routes.ts'
import { selectExports } from './export-store.ts'
import { selectErasure, selectKeyState } from './key-store.ts'
import { ENDPOINTS_PER_MEMBER_MAX } from './model.ts'
import {
  PersonDelivery,
  PersonEndpoint,
  PersonEvent,
  PersonKey,
  PersonPastExport,
  PersonRecord,
  PersonRevocation,
  PersonStanding,
} from './person-schema.ts'
import { selectRevocationsOf } from './revocation-store.ts'
import { standingRecords } from './standings.ts'
import { createMemberStore, selectEndpoints, selectMemberEvents } from './store.ts'

const PAGE = 100
const NEWEST = Number.MAX_SAFE_INTEGER

/** The deliveries of each endpoint that there is; what former exports there were comes last. */
export async function planPerson(sql: Sql, member: string): Promise<PersonPlan> {
  const endpoints = await selectEndpoints(sql, member, '', ENDPOINTS_PER_MEMBER_MAX)
  return {
    steps: [
      ...wholeSections(['record', 'standings', 'keys', 'endpoints']),
      ...endpoints.map(({ id }) => ({ section: 'deliveries', cursor: `${id}:` })),
      ...wholeSections(['events', 'revocations', 'exports']),
    ],
  }
}

export function personSections(clock: Clock, ring: KeyRing): readonly PersonSection[] {
  return [...recordSections(clock, ring), ...webhookSections, ...tokenSections]
}

function recordSections(clock: Clock, ring: KeyRing): readonly PersonSection[] {
  const [members, standings] = [createMemberStore(clock, ring), standingRecords(clock)]
  return [
    {
      name: 'record',
      summary: 'Every version of what tells of the person, newest first',
      item: PersonRecord,
      read: (sql, asked) => versionsOf(sql, members, asked, (fields) => ({ fields })),
    },
    {
      name: 'standings',
      summary: 'Status, level of verification and kind, in every version, newest first',
      item: PersonStanding,
      read: (sql, asked) =>
        versionsOf(sql, standings, asked, ({ reason, ...told }) => ({ ...told, ...forOperators(asked, { reason }) })),
    },
    {
      name: 'keys',
      summary: "How the person's key stands; never the key",
      item: PersonKey,
      async read(sql, asked) {
        const kept = await selectKeyState(sql, asked.member)
        const erasure = await selectErasure(sql, asked.member)
        const key = {
          state: erasure !== null ? 'destroyed' : kept !== null ? 'kept' : 'missing',
          madeAt: kept === null ? null : toRfc3339(kept.madeAt),
          destroyedAt: erasure === null ? null : toRfc3339(erasure.at),
          ...(kept === null ? {} : forOperators(asked, { wrappedBy: kept.kek })),
        }
        return { items: [key], next: null }
      },
    },
  ]
}

async function versionsOf<Fields>(
  sql: Sql,
  records: Pick<VersionedRecords<Fields>, 'list'>,
  { member, audience, cursor }: PersonAsked,
  told: (fields: Fields) => object,
): Promise<PersonPage> {
  const versions = await records.list(sql, member, PAGE + 1, cursor === '' ? NEWEST : Number(cursor))
  const item = ({ version, recordedAt, actor, rollbackOf, fields }: Version<Fields>) => {
    return { version, recordedAt: toRfc3339(recordedAt), actor: actorFor(audience, actor), rollbackOf, ...told(fields) }
  }
  return personPage(versions, PAGE, ({ version }) => String(version), item)
}

const webhookSections: readonly PersonSection[] = [
  {
    name: 'endpoints',
    summary: 'Webhook endpoints, without their secrets',
    item: PersonEndpoint,
    async read(sql, { member }) {
      const endpoints = await selectEndpoints(sql, member, '', ENDPOINTS_PER_MEMBER_MAX)
      return { items: endpoints.map(endpointOnWire), next: null }
    },
  },
  {
    name: 'deliveries',
    summary: 'What was sent to each endpoint and what became of it, newest first; what it said is under `events`',
    item: PersonDelivery,
    async read(sql, { cursor }) {
      const [endpoint = '', before = ''] = cursor.split(':')
      const found = await listDeliveries(sql, endpoint, before === '' ? null : BigInt(before), PAGE + 1)
      return personPage(
        found,
        PAGE,
        ({ sequence }) => `${endpoint}:${sequence}`,
        (delivery) => ({ endpoint, ...deliveryOnWire(delivery) }),
      )
    },
  },
  {
    name: 'events',
    summary: 'What the person was told of, oldest first',
    item: PersonEvent,
    async read(sql, { member, cursor }) {
      const events = await selectMemberEvents(sql, member, BigInt(cursor === '' ? 0 : cursor), PAGE + 1)
      return personPage(events, PAGE, ({ sequence }) => String(sequence), eventOnWire)
    },
  },
]

const tokenSections: readonly PersonSection[] = [
  {
    name: 'revocations',
    summary: 'When tokens of the person were taken back',
    item: PersonRevocation,
    async read(sql, asked) {
      const found = await selectRevocationsOf(sql, asked.member, asked.cursor, PAGE + 1)
      return personPage(
        found,
        PAGE,
        ({ id }) => id,
        ({ id, at, until, lifted, reason, actor }) => ({
          ...{ id, at: toRfc3339(at), until: toRfc3339(until) },
          liftedAt: lifted === null ? null : toRfc3339(lifted.at),
          ...forOperators(asked, { reason, actor }),
        }),
      )
    },
  },
  {
    name: 'exports',
    summary:
      "Exports of the person that were asked for before, newest first; the person is not told of the operators' own",
    item: PersonPastExport,
    async read(sql, asked) {
      const { member, audience, cursor } = asked
      const of = { member, audience: audience === 'operator' ? null : audience }
      const found = await selectExports(sql, of, cursor === '' ? null : cursor, PAGE + 1)
      return personPage(
        found,
        PAGE,
        ({ id }) => id,
        ({ id, audience: whose, state, requestedBy, requestedAt, reason }) => ({
          ...{ id, audience: whose, state, requestedBy: actorFor(audience, requestedBy) },
          requestedAt: toRfc3339(requestedAt),
          ...(reason === null ? {} : forOperators(asked, { reason })),
        }),
      )
    },
  },
]

function forOperators<Told extends object>({ audience }: { readonly audience: Audience }, told: Told): Partial<Told> {
  return audience === 'operator' ? told : {}
}
