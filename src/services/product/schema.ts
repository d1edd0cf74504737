import { type Static, Type } from 'typebox'
import { CURRENCIES } from '../../kernel/money.ts'
import { line, MoneyShape } from '../../platform/wire.ts'

const closed = { additionalProperties: false } as const

/** What a transfer under the product is to cost: nothing, or the same amount each time. Cash flow charges it. */
const Fee = Type.Union([
  Type.Object({ kind: Type.Literal('none') }, closed),
  Type.Object({ kind: Type.Literal('flat'), amount: MoneyShape }, closed),
])

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
