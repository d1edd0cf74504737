import { type Static, type TProperties, Type } from 'typebox'

const strict = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false })
const file = Type.String({ minLength: 1 })

/** A database that keeps a journal, by the URL in a file; in a schema of its own. */
const JournalDatabase = strict({
  url_file: file,
  schema: Type.Optional(Type.String({ pattern: '^[a-z][a-z0-9_]{0,62}$' })),
})

/** The stores that keep a journal, in an order that stays, and how many of them have to have a record before it is answered. */
export const JournalStores = strict({
  stores: Type.Array(Type.Union([strict({ folder: file }), strict({ postgres: JournalDatabase })]), {
    minItems: 1,
    maxItems: 9,
  }),
  writes: Type.Integer({ minimum: 1, maximum: 9 }),
})

export type JournalConfig = Static<typeof JournalStores>

/** What is wrong with the stores of a journal that have the shape; null: nothing. */
export function journalFault({ stores, writes }: JournalConfig): string | null {
  return writes > stores.length ? `there are ${stores.length} stores, fewer than ${writes}` : null
}
