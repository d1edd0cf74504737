import { Type } from 'typebox'
import type { EventSchemas } from '../../platform/event-schema.ts'
import { MoneyShape } from '../../platform/wire.ts'

const text = Type.String()
const payout = Type.Object({ batch: text, payout: text, member: text, amount: MoneyShape })

/** What settlement tells. */
export const settlementEvents: EventSchemas = {
  'settlement.closed': {
    version: 1,
    summary: 'A batch was closed at its cut-off',
    data: Type.Object({
      batch: text,
      member: text,
      currency: text,
      cutOff: text,
      lines: Type.Integer(),
      net: MoneyShape,
    }),
  },
  'settlement.paid': { version: 1, summary: 'The bank has paid a batch out', data: payout },
  'settlement.refused': { version: 1, summary: 'The bank refused to pay a batch out', data: payout },
}
