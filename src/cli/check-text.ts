import {
  dependencyText,
  fromText,
  type Lapse,
  type MoneyAnswer,
  partsOf,
  type RoutePlan,
  sourceText,
} from '../policy/index.ts'
import { inColumns } from './columns.ts'

export function moneyText(money: MoneyAnswer): string {
  const question = 'Can a caller without a token reach a route tagged money?'
  switch (money.answer) {
    case 'no':
      return `${question} No: none of ${money.routes}.`
    case 'yes': {
      const { method, path, source, rule } = money.witness
      return `${question} Yes: ${method} ${path} from ${sourceText(source)} passes by ${rule}${fromText(money)}.`
    }
    case 'unknown':
      return `${question} Unknown: it depends on ${dependencyText(money.dependsOn)}${fromText(money)}.`
  }
}

/** A table of what ends by itself. */
export function lapsesText(lapses: readonly Lapse[]): string {
  return inColumns(
    lapses.map(({ at, what, change, owner, file, line }) => [at, what, change, owner ?? 'nobody', `${file}:${line}`]),
  )
}

/** A table of what a request to each route costs at worst. */
export function planText(plan: readonly RoutePlan[]): string {
  const rows = plan.map((route) => [
    route.route,
    `${route.worstMs} ms`,
    route.budgetMs === null ? '-' : `${route.budgetMs} ms`,
    partsOf(route),
  ])
  return inColumns([['route', 'worst case', 'budget', 'parts'], ...rows])
}
