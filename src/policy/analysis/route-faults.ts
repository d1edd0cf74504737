import type { Surface } from '../surface.ts'
import type { AnalysedRule } from './analysed-rule.ts'
import { passageOf } from './passage.ts'
import { pathsOf } from './path-classes.ts'
import { partsOf, type RoutePlan } from './plan.ts'
import { type Cell, cellsOf, mayHold } from './region.ts'

/** What is wrong with a route, at a key of its configuration. */
export type RouteFault = {
  readonly route: string
  readonly key: 'budget_ms' | 'authenticate' | 'id' | 'scopes'
  readonly severity: 'error' | 'warning'
  readonly code: string
  readonly message: string
  readonly hint?: string
}

/** Routes that cost more than they may. */
export function findOverBudget(plans: readonly RoutePlan[]): readonly RouteFault[] {
  return plans.flatMap((plan): readonly RouteFault[] => {
    const { route, worstMs, budgetMs } = plan
    if (budgetMs === null || worstMs <= budgetMs) return []
    const message = `the route ${route} can take ${worstMs} ms, more than its ${budgetMs}: ${partsOf(plan)}`
    return [{ route, key: 'budget_ms', severity: 'error', code: 'over-budget', message }]
  })
}

/** Routes that nobody gets through to, and those open to everyone by a rule that does not speak of them. */
export function findRouteFaults(rules: readonly AnalysedRule[], surface: Surface): readonly RouteFault[] {
  const cells = cellsOf(surface)
  const faults: RouteFault[] = []
  for (const route of surface.routes) {
    const own = cells.filter((cell) => cell.route === route)
    const open = own.filter((cell) => mayPass(cell, rules, surface))
    const shared = { route: route.id, severity: 'warning' } as const
    if (open.length === 0) {
      const message = `no rule lets anyone through to the route ${route.id}: every request is denied`
      faults.push({ ...shared, key: 'id', code: 'closed-route', message, hint: 'add an access rule that allows it' })
    }
    const isMeant = route.tags.includes('public') || rules.some((rule) => opens(rule, own))
    if (route.isPublic && open.length > 0 && !isMeant) {
      const message = `nobody authenticates callers of ${route.id}, and only rules for all routes let them in`
      const hint = 'tag it `public`, or let it ask for scopes'
      faults.push({ ...shared, key: 'authenticate', code: 'unauthenticated-route', message, hint })
    }
    if (!route.isPublic && route.scopes.length === 0 && route.tags.includes('money')) {
      const message = `any valid token reaches ${route.id}, which moves money: it asks for no scope`
      faults.push({ ...shared, key: 'scopes', severity: 'error', code: 'money-without-scope', message })
    }
  }
  return faults
}

function mayPass(cell: Cell, rules: readonly AnalysedRule[], surface: Surface): boolean {
  const paths = pathsOf(cell, rules, surface)
  return paths === null || paths.some((path) => passageOf(rules, { cell, path, lists: null }).canPass)
}

/** An allow that names the route by what it has of its own. */
function opens({ kind, effect, isEnforced, match }: AnalysedRule, cells: readonly Cell[]): boolean {
  const { routes, tags, paths } = match
  const isNamed = routes !== undefined || tags !== undefined || paths !== undefined
  return kind === 'access' && effect === 'allow' && isEnforced && isNamed && cells.some((cell) => mayHold(match, cell))
}
