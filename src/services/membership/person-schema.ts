import { Type } from 'typebox'
import { AUDIENCES } from '../../platform/person.ts'
import { EXPORT_STATES } from './export-model.ts'
import { WireDelivery, WireEndpoint, WireMemberFields } from './schema.ts'

/** What an export of a person tells of membership. */

const text = Type.String()
const orNull = Type.Union([text, Type.Null()])
const closed = { additionalProperties: false } as const
const version = {
  version: Type.Integer(),
  recordedAt: text,
  actor: Type.String({ description: '`member` or `operator`; operators are told which one' }),
  rollbackOf: Type.Union([Type.Integer(), Type.Null()]),
}

export const PersonRecord = Type.Object({ ...version, fields: WireMemberFields }, closed)

export const PersonStanding = Type.Object(
  {
    ...version,
    status: Type.Enum(['active', 'frozen', 'closed']),
    level: Type.Integer(),
    kind: Type.Enum(['person', 'organisation']),
    reason: Type.Optional(Type.String({ description: 'for operators' })),
  },
  closed,
)

export const PersonKey = Type.Object(
  {
    state: Type.Enum(['kept', 'destroyed', 'missing']),
    madeAt: orNull,
    destroyedAt: orNull,
    wrappedBy: Type.Optional(Type.String({ description: 'for operators: the key-encryption key, by name' })),
  },
  closed,
)

export const PersonEndpoint = WireEndpoint
export const PersonDelivery = Type.Object({ endpoint: text, ...WireDelivery.properties }, closed)

export const PersonEvent = Type.Object(
  { id: text, cursor: text, type: text, timestamp: text, data: Type.Unknown() },
  closed,
)

export const PersonRevocation = Type.Object(
  {
    id: text,
    at: text,
    until: text,
    liftedAt: orNull,
    reason: Type.Optional(Type.String({ description: 'for operators' })),
    actor: Type.Optional(Type.String({ description: 'for operators' })),
  },
  closed,
)

export const PersonPastExport = Type.Object(
  {
    id: text,
    audience: Type.Enum([...AUDIENCES]),
    state: Type.Enum([...EXPORT_STATES]),
    requestedBy: text,
    requestedAt: text,
    reason: Type.Optional(Type.String({ description: 'for operators' })),
  },
  closed,
)
