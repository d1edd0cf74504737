import { Type } from 'typebox'

const LIMIT_DEFAULT = 20

/** `limit` of a list: 1–100. */
export const Limit = Type.String({ pattern: '^([1-9][0-9]?|100)$' })

/** One page of a list on the wire; `next` is the cursor of what follows, null at the end. */
export type Page<Item> = { readonly items: readonly Item[]; readonly next: string | null }

export function limitOf(limit: string | undefined): number {
  return limit === undefined ? LIMIT_DEFAULT : Number(limit)
}

/** Makes a page of up to `limit` rows; the caller reads one row more, which shows whether another page follows. */
export function pageOf<R, Item>(
  rows: readonly R[],
  limit: number,
  cursorOf: (row: R) => string,
  itemOf: (row: R) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(itemOf),
    next: rows.length > limit && last !== undefined ? cursorOf(last) : null,
  }
}
