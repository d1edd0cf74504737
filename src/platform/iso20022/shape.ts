/** What an element of a message may hold: one text, fields in their order, one of several, or what nobody looks at. */
export type Shape =
  | {
      readonly kind: 'text'
      readonly pattern: RegExp
      /** Each of these has to be there, and no other. */
      readonly attributes: Readonly<Record<string, RegExp>>
    }
  | { readonly kind: 'sequence' | 'choice'; readonly fields: readonly Field[] }
  | { readonly kind: 'anything' }

/** An element by its name, and how often it may stand there. */
export type Field = {
  readonly name: string
  readonly shape: Shape
  readonly min: 0 | 1
  readonly max: number
  /** Handed over as soon as it has ended, and kept nowhere: there may be very many. */
  readonly streamed: boolean
}

/** A message of ISO 20022: its namespace says which one, in which version. */
export type Message = { readonly namespace: string; readonly document: Field }

const MANY = 1_000_000

export const one = (name: string, shape: Shape): Field => ({ name, shape, min: 1, max: 1, streamed: false })
export const maybe = (name: string, shape: Shape): Field => ({ ...one(name, shape), min: 0 })
export const some = (name: string, shape: Shape): Field => ({ ...one(name, shape), max: MANY })
export const several = (name: string, shape: Shape): Field => ({ ...one(name, shape), min: 0, max: MANY })
export const streamed = (field: Field): Field => ({ ...field, streamed: true })

export const sequence = (...fields: readonly Field[]): Shape => ({ kind: 'sequence', fields })
export const choice = (...fields: readonly Field[]): Shape => ({ kind: 'choice', fields })
export const anything: Shape = { kind: 'anything' }

function text(pattern: RegExp, attributes: Readonly<Record<string, RegExp>> = {}): Shape {
  return { kind: 'text', pattern, attributes }
}

/** `Max35Text` and its like: characters, none of them a control. */
export const max = (characters: number): Shape => text(new RegExp(`^[^\\p{Cc}]{1,${characters}}$`, 'u'))
export const code = (...values: readonly string[]): Shape => text(new RegExp(`^(?:${values.join('|')})$`))
/** `External…Code`: lists that the standard keeps outside of the schema. */
export const externalCode: Shape = text(/^[A-Z0-9]{1,4}$/)
/** Up to 18 digits, of which 5 after the point; above or equal to zero, as `ActiveOrHistoricCurrencyAndAmount` says. */
export const amount: Shape = text(/^(?=.{1,19}$)\d{1,18}(?:\.\d{1,5})?$/, { Ccy: /^[A-Z]{3}$/ })
export const decimal: Shape = text(/^-?(?=.{1,19}$)\d{1,18}(?:\.\d{1,17})?$/)
export const digits = (most: number): Shape => text(new RegExp(`^\\d{1,${most}}$`))
export const currency: Shape = text(/^[A-Z]{3}$/)
export const indicator: Shape = text(/^(?:true|false|1|0)$/)
export const date: Shape = text(/^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/)
export const dateTime: Shape = text(
  /^\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)?$/,
)
export const iban: Shape = text(/^[A-Z]{2}\d{2}[A-Z0-9]{1,30}$/)
export const bic: Shape = text(/^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$/)
