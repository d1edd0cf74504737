import { type Static, Type } from 'typebox'
import { line } from '../../platform/wire.ts'

const closed = { additionalProperties: false } as const

const status = Type.Enum(['active', 'frozen', 'closed'])
/** How far the member was verified: what a level takes is the bank's, what it lets do is the products'. */
const level = Type.Integer({ minimum: 0, maximum: 9 })
const kind = Type.Enum(['person', 'organisation'])
/** Of the change, for those who look later; it stays, so it names nobody. */
const reason = line(500)

export const StandingFields = Type.Object({ status, level, kind, reason }, closed)
export const StandingChange = Type.Object(
  { status: Type.Optional(status), level: Type.Optional(level), kind: Type.Optional(kind), reason },
  { ...closed, minProperties: 2 },
)
export type StandingFields = Static<typeof StandingFields>

export const NotActiveQuery = Type.Object(
  { cursor: Type.Optional(Type.String({ pattern: '^mem_[A-Za-z0-9_-]{1,64}$' })) },
  closed,
)
export const NotActive = Type.Object({
  /** Where in the feed to go on. */
  seq: Type.String(),
  items: Type.Array(Type.Object({ member: Type.String(), status })),
  next: Type.Union([Type.String(), Type.Null()]),
})
