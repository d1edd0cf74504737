import { type Static, Type } from 'typebox'
import { idPattern } from '../../kernel/id.ts'
import { CURRENCIES } from '../../kernel/money.ts'
import { Limit } from '../../platform/page.ts'
import { MoneyShape } from '../../platform/wire.ts'
import { PAYOUT_STATES } from './model.ts'

const closed = { additionalProperties: false } as const

const BatchId = Type.String({ pattern: idPattern('settlementBatch') })
const MemberId = Type.String({ pattern: idPattern('member') })
const AccountId = Type.String({ pattern: idPattern('account') })
const Currency = Type.Enum([...CURRENCIES])
const Time = Type.String({ format: 'date-time', maxLength: 40 })

export const BatchClosing = Type.Object(
  {
    member: MemberId,
    currency: Currency,
    cutOff: Time,
    /** Which account all of it is paid from; those that money came to when left out. */
    account: Type.Optional(AccountId),
  },
  closed,
)
export type BatchClosing = Static<typeof BatchClosing>

export const BatchParams = Type.Object({ id: BatchId })
export const BatchQuery = Type.Object(
  { member: Type.Optional(MemberId), limit: Type.Optional(Limit), cursor: Type.Optional(BatchId) },
  closed,
)

const WirePayout = Type.Object(
  {
    id: Type.String({ pattern: idPattern('payout') }),
    account: Type.Union([AccountId, Type.Null()]),
    amount: MoneyShape,
    state: Type.Enum([...PAYOUT_STATES]),
    reason: Type.Optional(Type.String({ description: 'why it was refused' })),
  },
  closed,
)

export const WireBatch = Type.Object(
  {
    id: BatchId,
    member: MemberId,
    currency: Currency,
    cutOff: Time,
    through: Type.Union([Time, Type.Null()], {
      description: 'when the newest posting that had arrived was made; one that arrives later is in the next batch',
    }),
    lines: Type.Integer({ minimum: 0 }),
    /** What the batch before came to below zero, and what was not paid of earlier ones; `net` is this, and `gross.in` less `gross.out` and `fees`. */
    carried: MoneyShape,
    gross: Type.Object({ in: MoneyShape, out: MoneyShape }, closed),
    fees: MoneyShape,
    net: MoneyShape,
    payout: Type.Optional(Type.String({ pattern: idPattern('payout'), description: 'the largest of `payouts`' })),
    payouts: Type.Array(WirePayout, {
      description: 'from each account that money came to, largest first; 100 at most',
    }),
    state: Type.Enum(['closed', 'paid', 'refused', 'settled', 'returned']),
    closedAt: Time,
    version: Type.Integer({ minimum: 1 }),
  },
  closed,
)
export type WireBatch = Static<typeof WireBatch>

export const WireBatches = Type.Object(
  { items: Type.Array(WireBatch), next: Type.Union([Type.String(), Type.Null()]) },
  closed,
)

/** What of cash flow's `transfer.posted` matters here; a side that is no member's account has none. */
export const PostedTransfer = Type.Object({
  transfer: Type.String({ pattern: idPattern('transfer') }),
  kind: Type.String(),
  from: Type.String(),
  to: Type.String(),
  fromMember: Type.Union([MemberId, Type.Null()]),
  toMember: Type.Union([MemberId, Type.Null()]),
  amount: MoneyShape,
  fee: Type.Optional(MoneyShape),
})
export type PostedTransfer = Static<typeof PostedTransfer>
