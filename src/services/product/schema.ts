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

export const ProductCreation = Type.Object({ name, currency, fee: Type.Optional(Fee) }, closed)
/** A product keeps its currency: accounts are opened in it. */
export const ProductChange = Type.Object(
  { name: Type.Optional(name), fee: Type.Optional(Fee) },
  { ...closed, minProperties: 1 },
)
export const ProductFields = Type.Object({ name, currency, fee: Fee }, closed)
export type ProductCreation = Static<typeof ProductCreation>
export type ProductFields = Static<typeof ProductFields>
