import { type Static, Type } from 'typebox'
import { CURRENCIES } from '../../kernel/money.ts'
import { line, MoneyShape } from '../../platform/wire.ts'

const closed = { additionalProperties: false } as const

const SimpleFee = Type.Union([
  Type.Object({ kind: Type.Literal('none') }, closed),
  Type.Object({ kind: Type.Literal('flat'), amount: MoneyShape }, closed),
  /** A hundredth of a percent of the amount for each, rounded up to the minor unit; within `least` and `most`. */
  Type.Object(
    {
      kind: Type.Literal('rate'),
      basisPoints: Type.Integer({ minimum: 1, maximum: 10_000 }),
      least: Type.Optional(MoneyShape),
      most: Type.Optional(MoneyShape),
    },
    closed,
  ),
])

/**
 * What a transfer under the product costs, by its amount: nothing, the same each time, a rate, or one of these by tiers, of
 * which the last that begins at or below the amount holds. Cash flow charges it.
 */
const Fee = Type.Union([
  SimpleFee,
  Type.Object(
    {
      kind: Type.Literal('tiers'),
      tiers: Type.Array(Type.Object({ from: MoneyShape, fee: SimpleFee }, closed), { minItems: 1, maxItems: 20 }),
    },
    closed,
  ),
])
export type SimpleFee = Static<typeof SimpleFee>
export type Fee = Static<typeof Fee>

const name = line(140)
const currency = Type.Enum([...CURRENCIES])

/** From which level of verification on; the highest that the member has holds. Left out: from none. */
const fromLevel = Type.Optional(Type.Integer({ minimum: 0, maximum: 9 }))

/**
 * How much transfers may take of an account in the currency of these amounts: each of them, all of a day and all of a month.
 * Cash flow counts what is held as well.
 */
const Limits = Type.Object(
  {
    fromLevel,
    perTransfer: Type.Optional(MoneyShape),
    perDay: Type.Optional(MoneyShape),
    perMonth: Type.Optional(MoneyShape),
  },
  { ...closed, minProperties: 1 },
)
export type Limits = Static<typeof Limits>

/** Which members may open accounts under the product, and pay from them; what is left out asks for nothing. */
const Holders = Type.Object(
  {
    fromLevel,
    kinds: Type.Optional(Type.Array(Type.Enum(['person', 'organisation']), { minItems: 1, uniqueItems: true })),
    /** ISO 3166-1 alpha-2. */
    countries: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Z]{2}$' }), { minItems: 1, maxItems: 250, uniqueItems: true }),
    ),
  },
  closed,
)
export type Holders = Static<typeof Holders>

/** What may be left out of a product: then it has none. */
const terms = {
  fee: Type.Optional(Fee),
  /** In which accounts may be opened, and pay, beside the product's own. */
  otherCurrencies: Type.Optional(Type.Array(currency, { maxItems: CURRENCIES.length, uniqueItems: true })),
  /** One for a currency and level at most; without one nothing is limited in it. */
  limits: Type.Optional(Type.Array(Limits, { maxItems: 10 * CURRENCIES.length })),
  holders: Type.Optional(Holders),
}

export const ProductCreation = Type.Object({ name, currency, ...terms }, closed)
/** A product keeps its currency: accounts are opened in it. */
export const ProductChange = Type.Object({ name: Type.Optional(name), ...terms }, { ...closed, minProperties: 1 })
export const ProductFields = Type.Object({ name, currency, ...terms, fee: Fee }, closed)
export type ProductCreation = Static<typeof ProductCreation>
export type ProductFields = Static<typeof ProductFields>
