import type { StoreId, Voters } from './voters.ts'

/** What a leader knows of the store in one place of the configuration. */
export type Seat = {
  /** Null until it has answered. */
  readonly store: StoreId | null
  /** Up to this record its log is the leader's, on its disk. */
  readonly matched: number
}

/** From its record on, a list of voters says who votes. */
export type Reign = { readonly from: number; readonly voters: Voters }

/** Up to which record enough stores have all, each record counted by the voters that reigned when it was made. */
export function committedUpTo(seats: readonly Seat[], reigns: readonly Reign[], end: number): number {
  let committed = 0
  for (const [index, { voters }] of reigns.entries()) {
    const last = (reigns[index + 1]?.from ?? end + 1) - 1
    const { stores, before, writes } = voters
    const held = Math.min(heldBy(seats, stores, writes), before === null ? end : heldBy(seats, before, writes))
    committed = Math.min(held, last)
    if (held < last) break
  }
  return committed
}

/** What `writes` of these stores have. A store that took another's place without being elected to it is not among them. */
function heldBy(seats: readonly Seat[], stores: readonly StoreId[], writes: number): number {
  const matched = seats.map((seat, place) => (seat.store === stores[place] ? seat.matched : 0))
  return matched.sort((a, b) => b - a)[writes - 1] ?? 0
}
