import type { JournalRecord, Place } from './record.ts'

/** The name that a store gave itself when it was empty. One that lost records takes a new one: it is another store then. */
export type StoreId = string & { readonly brand: 'StoreId' }

/**
 * Which stores vote, in the order of the configuration. A store whose id is not among them is filled and asked nothing.
 * While one takes another's place `before` has the stores of until then, and both lists have to agree.
 */
export type Voters = {
  readonly stores: readonly StoreId[]
  /** How many have to hold a record before it counts. */
  readonly writes: number
  readonly before: readonly StoreId[] | null
}

/**
 * How many stores a new leader has to hear. They meet every set of `writes` stores, so that no committed record is missed, and
 * each other, so that two leaders never have one epoch.
 */
function prepareQuorum(stores: number, writes: number): number {
  return Math.max(stores - writes + 1, Math.floor(stores / 2) + 1)
}

export function votersOf(record: JournalRecord): Voters | null {
  return record.kind === 'voters' ? (JSON.parse(record.body) as Voters) : null
}

/** What a store told of itself when it promised an epoch. */
export type Grant = { readonly store: StoreId; readonly end: Place; readonly voters: Voters | null }

/** What a leader goes on from: the log of the store in this place of the configuration, and who has promised. */
export type Recovered = Omit<Grant, 'store'> & {
  readonly place: number
  readonly promised: readonly (StoreId | null)[]
}

/**
 * Which store's log a leader goes on from, of those that have promised; null while they are too few. One grant for each place in
 * the configuration, null where nobody has answered. Where no log has begun every store has to say so: a majority that was wiped
 * would pass for a new journal.
 */
export function recover(grants: readonly (Grant | null)[]): Recovered | null {
  const place = furthest(grants)
  const best = grants[place] ?? null
  if (best === null) return null
  const { end, voters } = best
  const recovered = { place, end, voters, promised: grants.map((grant) => grant?.store ?? null) }
  if (voters === null) return grants.every((grant) => grant !== null) ? recovered : null
  const quorum = prepareQuorum(voters.stores.length, voters.writes)
  const lists = voters.before === null ? [voters.stores] : [voters.stores, voters.before]
  return lists.every((list) => heardOf(grants, list) >= quorum) ? recovered : null
}

/** Places where a store has promised that has no vote in the log which a leader would go on from. */
export function votelessOf(grants: readonly (Grant | null)[]): readonly number[] {
  const voters = grants[furthest(grants)]?.voters ?? null
  const hasNone = (place: number): boolean => {
    const grant = grants[place] ?? null
    return voters !== null && grant !== null && grant.store !== voters.stores[place]
  }
  return [...grants.keys()].filter(hasNone)
}

function heardOf(grants: readonly (Grant | null)[], stores: readonly StoreId[]): number {
  return grants.filter((grant, place) => grant !== null && grant.store === stores[place]).length
}

/** The place of the log with the highest last epoch, of these the longest: it holds every record that was committed. */
function furthest(grants: readonly (Grant | null)[]): number {
  let best = 0
  for (const [place, grant] of grants.entries()) {
    const other = grants[best] ?? null
    if (grant !== null && (other === null || isFurther(grant.end, other.end))) best = place
  }
  return best
}

function isFurther(a: Place, b: Place): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq)
}
