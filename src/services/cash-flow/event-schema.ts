import { Type } from 'typebox'
import type { EventSchemas } from '../../platform/event-schema.ts'
import { MoneyShape } from '../../platform/wire.ts'

const text = Type.String()
const orNull = Type.Union([text, Type.Null()])
const effectiveAt = Type.Optional(text)
const fee = Type.Optional(MoneyShape)
const parts = {
  transfer: text,
  operation: orNull,
  from: text,
  to: text,
  reference: text,
  partOf: Type.Optional(text),
}
const leg = Type.Object({ transfer: text, from: text, to: text, amount: MoneyShape, fee })
const reserved = Type.Object({
  ...parts,
  legs: Type.Optional(Type.Array(leg)),
  amount: MoneyShape,
  fee,
  judgedBy: Type.Optional(Type.Array(Type.Object({ product: text, version: Type.Integer() }))),
  maker: text,
  assessment: orNull,
  receipt: orNull,
  expiresAt: orNull,
})
const operation = Type.Object({
  operation: text,
  state: text,
  transfer: Type.Optional(text),
  reason: Type.Optional(text),
})
const withdrawal = Type.Object({ withdrawal: text, account: text, amount: MoneyShape, reference: text })

/** What cash flow tells. */
export const cashFlowEvents: EventSchemas = {
  'operation.running': { version: 1, summary: 'A transfer was accepted to be made later', data: operation },
  'operation.held': { version: 1, summary: 'What was asked for waits for a review', data: operation },
  'operation.succeeded': { version: 1, summary: 'What was asked for is done', data: operation },
  'operation.failed': { version: 1, summary: 'What was asked for was refused, or released', data: operation },
  'transfer.held': { version: 1, summary: 'Money was reserved until a review decides', data: reserved },
  'transfer.pending': { version: 1, summary: 'Money was reserved until a member captures or voids it', data: reserved },
  'transfer.posted': {
    version: 1,
    summary: 'Money moved',
    data: Type.Object({
      ...parts,
      fromMember: orNull,
      toMember: orNull,
      amount: MoneyShape,
      fee,
      kind: Type.Enum(['transfer', 'capture', 'reversal']),
      reverses: Type.Optional(text),
      effectiveAt,
    }),
  },
  'transfer.voided': {
    version: 1,
    summary: 'What was reserved was released',
    data: Type.Object({ ...parts, amount: MoneyShape, reason: orNull }),
  },
  'deposit.posted': {
    version: 1,
    summary: 'Money came from outside',
    data: Type.Object({ deposit: text, account: text, amount: MoneyShape, reference: text, effectiveAt }),
  },
  'withdrawal.pending': { version: 1, summary: 'Money left an account and is in transit', data: withdrawal },
  'withdrawal.confirmed': { version: 1, summary: 'The bank has paid it', data: withdrawal },
  'withdrawal.returned': { version: 1, summary: 'The bank has given it back', data: withdrawal },
  'exchange.posted': {
    version: 1,
    summary: "Money was exchanged between a member's accounts",
    data: Type.Object({
      exchange: text,
      from: text,
      to: text,
      paid: MoneyShape,
      received: MoneyShape,
      rate: Type.Unknown(),
      reference: text,
    }),
  },
  'credit_line.set': {
    version: 1,
    summary: 'How far below zero an account may go',
    data: Type.Object({ account: text, creditLine: MoneyShape, version: Type.Integer() }),
  },
}
