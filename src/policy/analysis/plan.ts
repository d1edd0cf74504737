import type { Surface, SurfaceCall, SurfaceRoute } from '../surface.ts'
import type { AnalysedRule } from './analysed-rule.ts'
import type { Regions } from './dead.ts'
import type { Cell } from './region.ts'
import { ruleCostMs } from './rule-cost.ts'

/** What a request to a route costs at worst. */
export type RoutePlan = {
  readonly route: string
  /** How many rules can apply to one request. */
  readonly rules: number
  readonly rulesMs: number
  readonly calls: readonly SurfaceCall[]
  readonly worstMs: number
  readonly budgetMs: number | null
}

/** For every route: the rules that can apply to one request, each at its worst, and every call until its deadline. */
export function planRoutes(
  { routes }: Surface,
  rules: readonly AnalysedRule[],
  cells: readonly Cell[],
  regions: Regions,
): readonly RoutePlan[] {
  const costs = new Map(rules.map((rule) => [rule, ruleCostMs(rule.when)]))
  const total = (some: readonly AnalysedRule[]) => some.reduce((ms, rule) => ms + (costs.get(rule) ?? 0), 0)
  return routes.map((route) => {
    const applying = cells
      .flatMap((cell, index) => (cell.route === route ? [rulesAt(index, route, rules, regions)] : []))
      .reduce((most, some) => (total(some) > total(most) ? some : most), [])
    const rulesMs = total(applying)
    const callsMs = route.calls.reduce((ms, { deadlineMs }) => ms + deadlineMs, 0)
    const { id, calls, budgetMs } = route
    return { route: id, rules: applying.length, rulesMs, calls, worstMs: Math.ceil(rulesMs + callsMs), budgetMs }
  })
}

function rulesAt(cell: number, { assess }: SurfaceRoute, rules: readonly AnalysedRule[], regions: Regions) {
  return rules.filter((rule) => (rule.kind === 'risk' ? assess !== null : regions.get(rule)?.has(cell)))
}

/** The parts of a plan in one line: `12 rules 53 ms + risk control 10000 ms + …`. */
export function partsOf({ rules, rulesMs, calls }: RoutePlan): string {
  const parts = calls.map(({ to, deadlineMs }) => `${to} ${deadlineMs} ms`)
  return [`${rules} rule${rules === 1 ? '' : 's'} ${Math.ceil(rulesMs)} ms`, ...parts].join(' + ')
}
