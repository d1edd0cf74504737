import { formatMinor, type Money, parseMoney } from '../../kernel/money.ts'
import type { Bundle } from '../bundle.ts'
import type { Marks } from '../decide/marks.ts'
import type { RiskFacts } from '../facts.ts'

/** Of a bundle that names more nothing is said: each costs a decision. */
const AMOUNTS_MAX = 200

/**
 * The largest smaller amount with which a held or rejected transfer would have passed, all else being as it was, the fraud
 * provider's answer too: `with an amount of at most CNY 49999.99`. Null when none would have.
 *
 * Decisions change only at amounts that a rule names, in `match` or as money in its `when`. Each of these below the
 * transfer's is put through the real decision, and so is the one before it; what is said holds for all below, or is not
 * said. Where a condition computes its amounts the bound is one that was tried.
 */
export function findSmallerAmount(bundle: Bundle, facts: RiskFacts, marks: Marks): string | null {
  const { amount } = facts.transfer
  const named = namedAmounts(bundle, amount)
  if (named.length > AMOUNTS_MAX) return null
  const amounts = named.filter((minor) => minor > 0n && minor < amount.minor)
  let most: bigint | null = null
  for (const minor of [1n, ...amounts].sort((a, b) => (a < b ? -1 : 1))) {
    if (!passes(bundle, { ...facts, transfer: { ...facts.transfer, amount: { ...amount, minor } } }, marks)) break
    most = minor
  }
  return most === null
    ? null
    : `with an amount of at most ${amount.currency} ${formatMinor({ ...amount, minor: most })}`
}

function passes(bundle: Bundle, facts: RiskFacts, marks: Marks): boolean {
  const { outcome } = bundle.assess(facts, marks)
  return outcome === 'accept' || outcome === 'review'
}

const MONEY_IN_CONDITION = /money\(\s*['"]([A-Z]{3})['"]\s*,\s*['"]([0-9.]+)['"]\s*\)/g

/** Amounts at which a decision may change: each that a rule names, and its neighbours. */
function namedAmounts(bundle: Bundle, { currency }: Money): readonly bigint[] {
  const named = new Set<bigint>()
  const add = (wanted: string, value: string | undefined): void => {
    const read = value === undefined || wanted !== currency ? null : parseMoney({ currency: wanted, value })
    if (typeof read === 'object' && read !== null) for (const by of [-1n, 0n, 1n]) named.add(read.minor + by)
  }
  for (const { kind, match, when } of bundle.rules) {
    if (kind !== 'risk') continue
    if (named.size > AMOUNTS_MAX) break
    if (match.amount) for (const value of [match.amount.from, match.amount.below]) add(match.amount.currency, value)
    for (const [, wanted = '', value] of when?.matchAll(MONEY_IN_CONDITION) ?? []) add(wanted, value)
  }
  return [...named]
}
