import type { JournalStore, Prepared } from './store.ts'
import { type Timers, within } from './timers.ts'
import { type Grant, type Recovered, recover, votelessOf } from './voters.ts'

export type Takeover =
  | { readonly kind: 'promised'; readonly from: Recovered }
  /** A store has promised this epoch to somebody else; a higher one may have better luck. */
  | { readonly kind: 'fenced'; readonly promised: number }
  /** Too few have promised. `heard`: those that have, by their place in the configuration; `voteless`: and were not counted. */
  | { readonly kind: 'too_few'; readonly heard: readonly number[]; readonly voteless: readonly number[] }

/** Asks all stores to promise the epoch. Nothing but promises is changed: two may try at once, and neither does harm. */
export function takeOver(
  stores: readonly JournalStore[],
  epoch: number,
  { timers, answerMs }: { readonly timers: Timers; readonly answerMs: number },
): Promise<Takeover> {
  const grants: (Grant | null)[] = stores.map(() => null)
  let open = stores.length
  let promised = 0
  return new Promise((resolve) => {
    const look = (): void => {
      const from = recover(grants)
      if (from !== null) resolve({ kind: 'promised', from })
      else if (open === 0 && promised > 0) resolve({ kind: 'fenced', promised })
      else if (open === 0) resolve({ kind: 'too_few', heard: placesOf(grants), voteless: votelessOf(grants) })
    }
    const hear = (place: number, answer: Prepared): void => {
      if (answer.kind === 'granted') grants[place] = answer
      else promised = Math.max(promised, answer.promised)
    }
    for (const [place, store] of stores.entries()) {
      within(timers, answerMs, store.prepare(epoch))
        .then((answer) => hear(place, answer))
        .catch(() => {}) // away, or at its end: it promises nothing
        .then(() => {
          open--
          look()
        })
    }
  })
}

function placesOf(grants: readonly (Grant | null)[]): readonly number[] {
  return [...grants.keys()].filter((place) => grants[place] !== null)
}
