import { Type } from 'typebox'
import type { EventSchemas } from '../../platform/event-schema.ts'
import { MoneyShape } from '../../platform/wire.ts'

const text = Type.String()
const count = Type.Integer({ minimum: 0 })
const account = Type.Union([text, Type.Null()])
const payout = Type.Object({ batch: text, payout: text, member: text, account, amount: MoneyShape })
const breakStep = Type.Object({
  break: text,
  owner: text,
  resolution: Type.Union([text, Type.Null()]),
  actor: text,
})

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
  'settlement.paid': { version: 1, summary: 'The bank has accepted a payout', data: payout },
  'settlement.settled': { version: 1, summary: 'A payout is out of transit', data: payout },
  'settlement.refused': { version: 1, summary: 'A payout is not made; the money is on the account', data: payout },
  'settlement.returned': { version: 1, summary: 'A payout is on the account again', data: payout },
  'statement.imported': {
    version: 1,
    summary: "The bank's statement was taken in",
    data: Type.Object({ statement: text, reconciliation: text, digest: text, lines: count }),
  },
  'notification.imported': {
    version: 1,
    summary: "The bank's notification was taken in: how many payouts it told of first, and how many it says came back",
    data: Type.Object({ notification: text, digest: text, lines: count, paid: count, returned: count }),
  },
  'reconciliation.finished': {
    version: 1,
    summary: 'Every line of a statement, and every payout that was due on it, is in a match or in a break',
    data: Type.Object({
      reconciliation: text,
      statement: text,
      lines: Type.Object({ all: count, matched: count, broken: count }),
      payouts: Type.Object({ matched: count, broken: count }),
    }),
  },
  'break.assigned': { version: 1, summary: 'A break has another owner', data: breakStep },
  'break.proposed': { version: 1, summary: 'Somebody has proposed how a break is resolved', data: breakStep },
  'break.resolved': { version: 1, summary: 'Another person has approved it', data: breakStep },
}
