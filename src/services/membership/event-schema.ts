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
  'revocation.lifted': { version: 1, summary: 'They are good again', data: Type.Object({ id: text }) },
}
