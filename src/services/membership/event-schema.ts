import { Type } from 'typebox'
import type { EventSchemas } from '../../platform/event-schema.ts'

const text = Type.String()
const orNull = Type.Union([text, Type.Null()])

/** What membership tells. */
export const membershipEvents: EventSchemas = {
  'revocation.made': {
    version: 1,
    summary: 'Tokens are no longer good',
    data: Type.Object({ id: text, jti: orNull, sub: orNull, at: text, until: text }),
  },
  'member.changed': {
    version: 1,
    summary: 'What is kept of a person has changed, or was erased',
    data: Type.Object({ member: text, version: Type.Integer() }),
  },
  'standing.changed': {
    version: 1,
    summary: 'A member may do more here, or less, from this version of its standing on',
    data: Type.Object({
      member: text,
      version: Type.Integer(),
      status: Type.Enum(['active', 'frozen', 'closed']),
      level: Type.Integer(),
      kind: Type.Enum(['person', 'organisation']),
    }),
  },
  'revocation.lifted': { version: 1, summary: 'They are good again', data: Type.Object({ id: text }) },
}
