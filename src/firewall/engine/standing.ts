import type { Removed, RuleSelector } from '../plan/plan.ts'
import { scoreIn } from './score.ts'
import { type Settings, Written } from './written.ts'

/** What of rules is taken out for a request: these targets. */
export type RemovedTargets = { readonly selects: RuleSelector; readonly targets: readonly Removed[] }

/** How a request stands between two phases: what rules have set, and what they have taken out. It never changes. */
export type Standing = {
  /** `TX`, and collections like it where rules have set some. */
  readonly tx: Written
  readonly collections: ReadonlyMap<string, Written>
  /** Null: nothing. */
  readonly removals: readonly RuleSelector[] | null
  readonly removedTargets: readonly RemovedTargets[] | null
  readonly mode: 'On' | 'Off' | 'DetectionOnly'
  /** Which way the body is to be read; null: as its type says. */
  readonly bodyKind: string | null
  readonly score: number
}

/** Before any rule was asked. */
export function standingWith(
  settings: Settings,
  without: Pick<Standing, 'removals' | 'removedTargets'> = NOTHING,
): Standing {
  const tx = new Written(settings)
  return { tx, collections: new Map(), ...without, mode: 'On', bodyKind: null, score: scoreIn(tx) }
}

const NOTHING = { removals: null, removedTargets: null }
