import type { Instant } from '../../kernel/clock.ts'
import type { Bundle } from '../bundle.ts'
import type { Surface } from '../surface.ts'
import type { AnalysedRule } from './analysed-rule.ts'
import { findDead, findIdleSkips } from './dead.ts'
import { findHidden } from './hidden.ts'
import { askForMoney, type MoneyAnswer, reportMoney } from './money.ts'
import { planRoutes, type RoutePlan } from './plan.ts'
import { cellsOf, regionOf } from './region.ts'
import { findOverBudget, findRouteFaults, type RouteFault } from './route-faults.ts'
import type { SourceSample } from './source-samples.ts'
import { findWide } from './wide.ts'

export { dependencyText, fromText, type MoneyAnswer, sourceText } from './money.ts'
export { partsOf, type RoutePlan } from './plan.ts'
export type { RouteFault } from './route-faults.ts'

/** What an analysis of rules against a surface found out, beside the findings at the rules. */
export type Analysis = {
  readonly money: MoneyAnswer
  readonly plan: readonly RoutePlan[]
  readonly routeFaults: readonly RouteFault[]
}

/** What is analysed: rules without an error in them. */
export type Analysed = {
  readonly rules: readonly AnalysedRule[]
  /** Without it the rules are looked at by themselves. */
  readonly surface?: Surface
  /** Whether to look for what is no error but hardly meant; it takes longer with many rules. */
  readonly thorough?: boolean
  readonly now: Instant
  /** Addresses and countries, some of each list that rules match on. */
  sources(): readonly SourceSample[]
  /** Of these very rules, as they are at a time. */
  bundle(at: Instant): Bundle
}

/**
 * Reports at the rules what no bundle may have on this surface, that anyone can reach money; if thorough, also what is
 * doubtful. Null unless it is thorough and there is a surface.
 */
export function analyse({ rules, surface, thorough = false, now, sources, bundle }: Analysed): Analysis | null {
  if (thorough) findDoubtful(rules, surface ?? null)
  if (surface === undefined) return null
  const money = askForMoney({ rules, surface, sources, now, bundle })
  reportMoney(money, rules)
  if (!thorough) return null
  const cells = cellsOf(surface)
  const plan = planRoutes(surface, rules, cells, regionsOf(rules, cells))
  return { money, plan, routeFaults: [...findOverBudget(plan), ...findRouteFaults(rules, surface)] }
}

/** Rules that never apply, are never asked or restrict nothing: warnings. */
function findDoubtful(rules: readonly AnalysedRule[], surface: Surface | null): void {
  const cells = surface === null ? null : cellsOf(surface)
  const regions = cells === null ? null : regionsOf(rules, cells)
  findWide(rules)
  findHidden(rules, regions)
  if (cells === null || regions === null) return
  findDead(rules, cells, regions)
  findIdleSkips(rules, regions)
}

function regionsOf(rules: readonly AnalysedRule[], cells: ReturnType<typeof cellsOf>) {
  return new Map(rules.map((rule) => [rule, regionOf(rule.match, cells)]))
}
