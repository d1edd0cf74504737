import { Type } from 'typebox'
import type { EventSchemas } from '../../platform/event-schema.ts'

const text = Type.String()
const review = Type.Object({
  case: text,
  operation: Type.Union([text, Type.Null()]),
  transfer: text,
  reviewers: Type.Array(text),
  reason: text,
})

/** What risk control tells. */
export const riskEvents: EventSchemas = {
  'case.opened': {
    version: 1,
    summary: 'A case waits for a person',
    data: Type.Object({
      case: text,
      kind: text,
      operation: Type.Union([text, Type.Null()]),
      transfer: Type.Union([text, Type.Null()]),
      dueAt: text,
    }),
  },
  'case.changed': {
    version: 1,
    summary: 'Facts of a case changed, and votes on the ones before are void',
    data: Type.Object({ case: text, caseVersion: Type.Integer(), voided: Type.Integer() }),
  },
  'case.escalated': {
    version: 1,
    summary: 'Nobody has decided a case for too long',
    data: Type.Object({ case: text, priority: Type.Unknown() }),
  },
  'case.closed': {
    version: 1,
    summary: 'A case where no money waits was closed',
    data: Type.Object({ case: text, state: text }),
  },
  'review.approved': { version: 1, summary: 'Money that was held is to be posted', data: review },
  'review.declined': { version: 1, summary: 'Money that was held is to be released', data: review },
}
