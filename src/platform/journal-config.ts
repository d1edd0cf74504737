import { resolve } from 'node:path'
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

/** `key`: of the configuration under `journal`. */
type JournalFault = { readonly key: 'stores' | 'writes'; readonly message: string }

/** What is wrong with the stores of a journal that have the shape; null: nothing. */
export function journalFault({ stores, writes }: JournalConfig): JournalFault | null {
  if (writes > stores.length)
    return { key: 'writes', message: `there are ${stores.length} stores, fewer than ${writes}` }
  const twice = namedTwice(stores.map(placeOf))
  return twice === null ? null : { key: 'stores', message: `${twice} is named twice: it would be lost at once` }
}

export function namedTwice(places: readonly string[]): string | null {
  return places.find((place, index) => places.indexOf(place) < index) ?? null
}

function placeOf(store: JournalConfig['stores'][number]): string {
  if ('folder' in store) return resolve(store.folder)
  return [store.postgres.url_file, store.postgres.schema].filter((part) => part !== undefined).join(', ')
}
