import { Type } from 'typebox'
import { MoneyShape } from '../../platform/wire.ts'
import { Balances, CreditLineOnWire, EntryOnWire, FeeOnWire, JudgedOnWire, OperationOnWire } from './schema.ts'

/** What an export of a person tells of the ledger. */

const text = Type.String()
const time = Type.String()
const version = Type.Integer()
const closed = { additionalProperties: false } as const

export const PersonAccount = Type.Object(
  {
    id: text,
    product: text,
    currency: text,
    openedAt: time,
    version,
    balance: Balances,
    creditLine: Type.Union([MoneyShape, Type.Null()]),
    detachedMonths: Type.Array(
      Type.Object({ month: text, file: text, sha256: text, fromVersion: version, toVersion: version }, closed),
      { description: 'whose entries are not in the export: they were written out and taken off' },
    ),
  },
  closed,
)

const PersonTransfer = Type.Object(
  {
    id: text,
    kind: Type.Enum(['transfer', 'deposit', 'reversal', 'withdrawal', 'confirmation', 'return', 'exchange']),
    state: Type.Enum(['held', 'pending', 'posted', 'voided', 'confirmed', 'returned']),
    from: text,
    to: text,
    amount: MoneyShape,
    reference: text,
    createdAt: time,
    effectiveAt: Type.Optional(time),
    reverses: Type.Optional(text),
    reversedBy: Type.Optional(text),
    partOf: Type.Optional(text),
    exchange: Type.Optional(Type.Object({ rate: text, rateVersion: version }, closed)),
    paid: Type.Optional(
      Type.Object(
        {
          madeBy: Type.String({ description: '`member`, or who it was; the person is told `operator`' }),
          idempotencyKey: Type.Optional(text),
          operation: Type.Optional(text),
          receipt: Type.Optional(text),
          assessment: Type.Optional(Type.String({ description: 'for operators' })),
          fee: Type.Optional(FeeOnWire),
          judgedBy: Type.Optional(JudgedOnWire),
          hold: Type.Optional(
            Type.Object({
              by: Type.Enum(['review', 'member']),
              expiresAt: time,
              outcome: Type.Optional(Type.Enum(['captured', 'declined', 'expired', 'voided'])),
              captured: Type.Optional(MoneyShape),
            }),
          ),
        },
        { ...closed, description: 'what the payer alone is told' },
      ),
    ),
  },
  closed,
)

export const PersonEntry = Type.Object({
  ...EntryOnWire.properties,
  of: Type.Object(
    { ...PersonTransfer.properties },
    { description: 'what the entry is of, as it stood when it was read' },
  ),
})

export const PersonCreditLine = Type.Object({
  ...CreditLineOnWire.properties,
  reason: Type.Optional(Type.String({ description: 'for operators' })),
})

export const PersonOperation = OperationOnWire

export const PersonRequest = Type.Object(
  { idempotencyKey: text, at: time, answer: Type.Unknown({ description: 'what it was first answered' }) },
  closed,
)
