import type { PlannedRule } from './plan.ts'

/** A rule, and where it stood among all of its phase. */
export type Placed = { readonly rule: PlannedRule; readonly index: number }

/** The rules that are needed, and those that jump over some of them; jumps lead to where they led. */
export function acting(rules: readonly Placed[], isNeeded: (rule: PlannedRule) => boolean): readonly PlannedRule[] {
  const left = rules.filter(({ rule, index }) => {
    const { skipTo } = rule
    return isNeeded(rule) || (skipTo !== null && rules.some((other) => other.index > index && other.index < skipTo))
  })
  const placeOf = (target: number): number => {
    const place = left.findIndex(({ index }) => index >= target)
    return place < 0 ? left.length : place
  }
  return left.map(({ rule }) => (rule.skipTo === null ? rule : { ...rule, skipTo: placeOf(rule.skipTo) }))
}

/** Whether a rule that matches changes, ends or tells anything, wherever it goes on then. */
export function doesSomething({ end, isTold, links }: PlannedRule): boolean {
  return (
    end !== 'score' ||
    isTold ||
    links.some(({ effects, captures, match }) => effects.length > 0 || captures || match?.isOfRequest === true)
  )
}
