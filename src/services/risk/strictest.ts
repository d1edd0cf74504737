import type { Score } from '../../adapters/fraud/port.ts'
import type { Assessment } from './store.ts'

/** From whom to whom a part of a transfer goes. */
export type Ends = { readonly from: string; readonly to: string }

/** Asked of the provider at a time for one transfer; it has a limit of its own for all of them together. */
const SCORES_AT_ONCE_MAX = 4

/** The different ends of a transfer's legs, or its own. */
export function endsOf(transfer: Ends & { readonly legs?: readonly Ends[] }): readonly Ends[] {
  const legs = transfer.legs ?? [transfer]
  return [...new Map(legs.map(({ from, to }) => [JSON.stringify([from, to]), { from, to }])).values()]
}

/** A score for each, a few at a time. A provider that did not answer for one is not asked for the rest. */
export async function scoreEach(
  ends: readonly Ends[],
  score: (ends: Ends) => Promise<Score>,
): Promise<readonly (Ends & { readonly score: Score })[]> {
  const scored: (Ends & { readonly score: Score })[] = []
  for (let from = 0; from < ends.length; from += SCORES_AT_ONCE_MAX) {
    const away = scored.find((each) => each.score.status === 'unavailable')
    const next = ends.slice(from, from + SCORES_AT_ONCE_MAX)
    const answers = await Promise.all(next.map((each) => away?.score ?? score(each)))
    scored.push(...next.map((each, index) => ({ ...each, score: answers[index] as Score })))
  }
  return scored
}

const RANKS = { accept: 0, review: 1, hold: 2, reject: 3 } as const

/** What is decided on the whole: the strictest of what is decided on its parts; null where one is not decided at all. */
export function strictest(decided: readonly (Assessment | null)[]): Assessment | null {
  return decided.reduce((one, other) => {
    if (one === null || other === null) return null
    return rankOf(other) > rankOf(one) ? other : one
  })
}

/** Of two holds the one that more people must approve; of two that pass the one that a budget has to pay for. */
function rankOf({ outcome, terms, unchecked }: Assessment): number {
  return RANKS[outcome] * 1_000 + (terms?.approvals ?? 0) + (unchecked ? 1 : 0)
}
