import { Type } from 'typebox'
import { idPattern } from '../../kernel/id.ts'
import { CURRENCIES } from '../../kernel/money.ts'
import { AsOf } from '../../platform/as-of.ts'
import { Limit } from '../../platform/page.ts'
import { line, MoneyShape } from '../../platform/wire.ts'

const closed = { additionalProperties: false }
const REFERENCE_CHARACTERS_MAX = 140

const AccountId = Type.String({ pattern: idPattern('account') })
const MemberId = Type.String({ pattern: idPattern('member') })
const ProductId = Type.String({ pattern: idPattern('product') })
const Reference = line(REFERENCE_CHARACTERS_MAX)
const Time = Type.String({ format: 'date-time' })
const Version = Type.Integer({ minimum: 0 })

/** The id in a path. What has no form of an id is not there: 404, not 400. */
export const ById = Type.Object({ id: Type.String({ maxLength: 255 }) }, closed)

export const NewAccountBody = Type.Object(
  { member: MemberId, product: ProductId, currency: Type.Enum([...CURRENCIES]) },
  closed,
)
export const AccountQuery = Type.Object(
  { asOf: AsOf, effectiveAt: Type.Optional(Type.String({ maxLength: 64 })) },
  closed,
)
export const EntriesQuery = Type.Object(
  {
    limit: Type.Optional(Limit),
    cursor: Type.Optional(Type.String({ maxLength: 64 })),
    from: Type.Optional(Type.String({ maxLength: 64 })),
    to: Type.Optional(Type.String({ maxLength: 64 })),
  },
  closed,
)

export const Balances = Type.Object({ posted: MoneyShape, pending: MoneyShape, available: MoneyShape })
const OrNull = Type.Union([Type.String(), Type.Null()])

export const AccountOnWire = Type.Object({
  id: AccountId,
  member: OrNull,
  product: OrNull,
  currency: Type.String(),
  balance: Balances,
  creditLine: Type.Union([MoneyShape, Type.Null()]),
  version: Version,
})

export const VersionsQuery = Type.Object(
  { limit: Type.Optional(Limit), cursor: Type.Optional(Type.String({ maxLength: 64 })) },
  closed,
)
export const CreditLineBody = Type.Object({ creditLine: MoneyShape, reason: Reference }, closed)
export const CreditLineOnWire = Type.Object({
  account: AccountId,
  version: Version,
  creditLine: MoneyShape,
  reason: Type.String(),
  setBy: Type.String(),
  createdAt: Time,
})
export const CreditLinesOnWire = Type.Object({ items: Type.Array(CreditLineOnWire), next: OrNull })

export const EntryOnWire = Type.Object({
  id: Type.String(),
  account: AccountId,
  version: Version,
  transfer: Type.Optional(Type.String()),
  deposit: Type.Optional(Type.String()),
  withdrawal: Type.Optional(Type.String()),
  phase: Type.Enum(['reserve', 'post', 'release']),
  direction: Type.Enum(['debit', 'credit']),
  amount: MoneyShape,
  balance: Balances,
  recordedAt: Time,
  effectiveAt: Time,
})
export const EntriesOnWire = Type.Object({ items: Type.Array(EntryOnWire), next: OrNull })

const moved = { account: AccountId, amount: MoneyShape, reference: Reference }
/** RFC 3339; read where it is decided on. */
const EffectiveAt = Type.Optional(Type.String({ maxLength: 64 }))
export const DepositBody = Type.Object({ ...moved, effectiveAt: EffectiveAt }, closed)
/** `member`: whose account it has to be. */
export const WithdrawalBody = Type.Object({ ...moved, member: Type.Optional(MemberId) }, closed)
export const ReversalBody = Type.Object({ effectiveAt: EffectiveAt }, closed)
export const DepositOnWire = Type.Object({
  id: Type.String(),
  account: AccountId,
  amount: MoneyShape,
  reference: Type.String(),
  createdAt: Time,
  effectiveAt: Type.Optional(Time),
  version: Version,
})

export const ConfirmBody = Type.Object({ reference: Reference }, closed)
export const ReturnBody = Type.Object({ reason: Reference }, closed)
export const WithdrawalOnWire = Type.Object({
  id: Type.String(),
  state: Type.Enum(['pending', 'confirmed', 'returned']),
  account: AccountId,
  amount: MoneyShape,
  reference: Type.String(),
  /** What took it outside, or back. */
  transfer: Type.Optional(Type.String()),
  createdAt: Time,
  version: Version,
})
export const WithdrawalsOnWire = Type.Object({ items: Type.Array(WithdrawalOnWire), next: OrNull })

const CurrencyCode = Type.Enum([...CURRENCIES])
const Decimal = Type.String({ maxLength: 24 })
export const RateBody = Type.Object(
  { from: CurrencyCode, to: CurrencyCode, rate: Decimal, expiresAt: Type.String({ maxLength: 64 }) },
  closed,
)
export const RateOnWire = Type.Object({
  pair: Type.String(),
  version: Version,
  rate: Type.String(),
  expiresAt: Time,
  setBy: Type.String(),
  createdAt: Time,
})
export const RatesOnWire = Type.Object({ items: Type.Array(RateOnWire), next: OrNull })

/** The version of a rate that the caller was quoted. */
const Quoted = Type.Object(
  { pair: Type.String({ pattern: '^[A-Z]{3}-[A-Z]{3}$' }), version: Type.Integer({ minimum: 1 }) },
  closed,
)
export const ExchangeBody = Type.Object(
  { from: AccountId, to: AccountId, amount: MoneyShape, rate: Quoted, reference: Reference },
  closed,
)
export const ExchangeOnWire = Type.Object({
  id: Type.String(),
  from: AccountId,
  to: AccountId,
  paid: MoneyShape,
  received: MoneyShape,
  residue: MoneyShape,
  rate: Type.String(),
  rateVersion: Version,
  reference: Type.String(),
  transfers: Type.Object({ paid: Type.String(), received: Type.String(), rounding: OrNull }),
  createdAt: Time,
  version: Version,
})

const LEGS_MAX = 20
const Leg = Type.Object({ from: AccountId, to: AccountId, amount: MoneyShape }, closed)

/** One transfer from an account to another; or `legs`, which are posted together or not at all. */
export const TransferBody = Type.Object(
  {
    from: Type.Optional(AccountId),
    to: Type.Optional(AccountId),
    amount: Type.Optional(MoneyShape),
    reference: Reference,
    pending: Type.Optional(Type.Boolean()),
    legs: Type.Optional(Type.Array(Leg, { minItems: 1, maxItems: LEGS_MAX })),
  },
  {
    ...closed,
    if: { required: ['legs'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { from: false, to: false, amount: false, pending: false } },
    else: { required: ['from', 'to', 'amount'] },
  },
)
export const CaptureBody = Type.Object({ amount: Type.Optional(MoneyShape) }, closed)
export const TransfersQuery = Type.Object({ idempotencyKey: Type.String({ maxLength: 600 }) }, closed)

/** What the payer pays beside the amount, by this version of the account's product. */
export const FeeOnWire = Type.Object({ amount: MoneyShape, product: Type.String(), version: Version })

/** The version of the paying account's product that it was judged by. */
export const JudgedOnWire = Type.Object({ product: Type.String(), version: Version })

const LegOnWire = Type.Object({
  id: Type.String(),
  from: AccountId,
  to: AccountId,
  amount: MoneyShape,
  fee: Type.Optional(FeeOnWire),
  judgedBy: Type.Optional(JudgedOnWire),
  reversedBy: Type.Optional(Type.String()),
})

export const TransferOnWire = Type.Object({
  id: Type.String(),
  state: Type.Enum(['held', 'pending', 'posted', 'voided']),
  operation: Type.Optional(Type.String()),
  from: Type.Optional(AccountId),
  to: Type.Optional(AccountId),
  amount: MoneyShape,
  fee: Type.Optional(FeeOnWire),
  judgedBy: Type.Optional(JudgedOnWire),
  /** In place of its own ends, where it has legs. */
  legs: Type.Optional(Type.Array(LegOnWire)),
  reference: Type.String(),
  expiresAt: Type.Optional(Time),
  captured: Type.Optional(MoneyShape),
  reason: Type.Optional(Type.String()),
  reverses: Type.Optional(Type.String()),
  reversedBy: Type.Optional(Type.String()),
  /** The exchange that it is a part of, or the transfer whose leg it is. */
  partOf: Type.Optional(Type.String()),
  createdAt: Time,
  effectiveAt: Type.Optional(Time),
  version: Version,
})
export const TransfersOnWire = Type.Object({ items: Type.Array(TransferOnWire), next: OrNull })

const OperationState = Type.Enum(['running', 'held', 'succeeded', 'failed'])

/** 202: what was begun, and where to ask for it. */
export const OperationBegun = Type.Object({
  operation: Type.String(),
  id: Type.String(),
  state: OperationState,
  transfer: Type.Optional(Type.String()),
})

const WAIT_S = '^([0-9]|1[0-9]|2[0-5])$'
export const OperationQuery = Type.Object({ wait: Type.Optional(Type.String({ pattern: WAIT_S })) }, closed)

export const OperationOnWire = Type.Object({
  id: Type.String(),
  state: OperationState,
  transfer: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
  version: Version,
  createdAt: Time,
  updatedAt: Time,
})
