import type { JournalStore, Prepared } from './store.ts'
import { type Timers, within } from './timers.ts'
import { type Grant, type Recovered, recover, votelessOf } from './voters.ts'

export type Takeover =
  | { readonly kind: 'promised'; readonly from: Recovered }
  /** A store has promised this epoch to somebody else; a higher one may have better luck. */
  | { readonly kind: 'fenced'; readonly promised: number }
  /** Too few have promised. */
  | { readonly kind: 'too_few'; readonly why: string }

/** Asks all stores to promise the epoch. Nothing but promises is changed: two may try at once, and neither does harm. */
export function takeOver(
  stores: readonly JournalStore[],
  epoch: number,
  { timers, answerMs }: { readonly timers: Timers; readonly answerMs: number },
): Promise<Takeover> {
  const grants: (Grant | null)[] = stores.map(() => null)
  const failures: string[] = []
  let open = stores.length
  let promised = 0
  return new Promise((resolve) => {
    const look = (): void => {
      const from = recover(grants)
      if (from !== null) resolve({ kind: 'promised', from })
      else if (open === 0 && promised > 0) resolve({ kind: 'fenced', promised })
      else if (open === 0) resolve({ kind: 'too_few', why: whyTooFew(grants, failures) })
    }
    const hear = (place: number, answer: Prepared): void => {
      if (answer.kind === 'granted') grants[place] = answer
      else promised = Math.max(promised, answer.promised)
    }
    for (const [place, store] of stores.entries()) {
      within(timers, answerMs, store.prepare(epoch))
        .then((answer) => hear(place, answer))
        .catch((error) => failures.push(`${place}: ${error instanceof Error ? error.message : error}`)) // it promises nothing
        .then(() => {
          open--
          look()
        })
    }
  })
}

/** Stores by their place in the configuration. */
function whyTooFew(grants: readonly (Grant | null)[], failures: readonly string[]): string {
  const heard = [...grants.keys()].filter((place) => grants[place] !== null)
  const voteless = votelessOf(grants)
  const others = voteless.length === 0 ? [] : [`without a vote, new or of another journal: ${voteless.join(', ')}`]
  const promised = `of ${grants.length} stores these have promised: ${heard.join(', ') || 'none'}`
  return [promised, ...others, ...failures].join('; ')
}
