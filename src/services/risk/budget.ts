import type { Instant } from '../../kernel/clock.ts'
import { add, compareMoney, type Money, money } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import { type Budget, CALLEES, type Callee, type OnErrors, type RiskFacts } from '../../policy/index.ts'
import { lockBudget, readSpent, type Spent } from './budget-store.ts'

/**
 * Whether the fraud provider's budget has room for this amount. Others wait until this transaction ends: if it stores an
 * assessment that passes unchecked, that is spent, and nothing that happens to the transfer later gives it back.
 */
export async function askBudget(
  sql: Sql,
  onErrors: OnErrors,
  amount: Money,
  now: Instant,
): Promise<RiskFacts['provider']['budget']> {
  const budget = onErrors['fraud-provider']
  if (budget.kind !== 'budget') return ''
  await lockBudget(sql, 'fraud-provider')
  return hasRoom(budget, await readSpent(sql, budget, now), amount) ? 'left' : 'spent'
}

/** Both limits have to last; in another currency than its own a budget has no room. */
function hasRoom(budget: Budget, spent: Spent, amount: Money): boolean {
  if (amount.currency !== budget.amount.currency || spent.count >= budget.count) return false
  return compareMoney(add(spent.amount, amount), budget.amount) <= 0
}

export type BudgetLeft = { readonly callee: Callee; readonly budget: Budget; readonly left: Spent }

/** What is left of every budget that the policies have. An edit may have made one smaller than what was spent. */
export async function readBudgets(sql: Sql, onErrors: OnErrors, now: Instant): Promise<readonly BudgetLeft[]> {
  const budgets: BudgetLeft[] = []
  for (const callee of CALLEES) {
    const budget = onErrors[callee]
    if (budget.kind !== 'budget') continue
    const spent = await readSpent(sql, budget, now)
    const { currency, minor } = budget.amount
    const minorLeft = minor > spent.amount.minor ? minor - spent.amount.minor : 0n
    const left = { count: Math.max(0, budget.count - spent.count), amount: money(currency, minorLeft) }
    budgets.push({ callee, budget, left })
  }
  return budgets
}
