import { type TProperties, Type } from 'typebox'

const strict = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false })
/** No control characters: XML 1.0 (section 2.2) has no place for most of them, and files for the bank have these texts. */
const PRINTED = '^[^\\u0000-\\u001f\\u007f-\\u009f]+$'
const Weekday = Type.Enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])

/** Whose account payouts leave and statements are of; when batches are closed by themselves; how statements are matched. */
export const SettlementConfig = strict({
  bank_account: Type.Optional(
    strict({
      name: Type.String({ minLength: 1, maxLength: 140, pattern: PRINTED }),
      account: Type.String({ minLength: 1, maxLength: 34, pattern: PRINTED }),
    }),
  ),
  time_zone: Type.Optional(Type.String({ minLength: 1 })),
  cut_offs: Type.Optional(Type.Array(Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' }), { maxItems: 24 })),
  closed_weekdays: Type.Optional(Type.Array(Weekday)),
  closed_dates: Type.Optional(Type.Array(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }))),
  /** How many days a booking may be from when its payout was sent, where no reference says which it is. */
  match_days_max: Type.Optional(Type.Integer({ minimum: 0, maximum: 31 })),
  /** After so long what was sent should be on a statement, and in transit no more. */
  clears_within_h: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Who has a break first; what the open ones of a currency may come to while its batches are closed: `CNY: "1000.00"`. */
  breaks: Type.Optional(
    strict({
      owner: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
      open_max: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Z]{3}$' }), Type.String())),
    }),
  ),
})
