import { assert } from '../kernel/assert.ts'
import type { Instant } from '../kernel/clock.ts'
import type { Bundle } from './bundle.ts'
import type { Checked, CheckedRule } from './checked.ts'
import { type FactPath, isWithin, withoutContained } from './conditions/reads.ts'
import { findCharges } from './decide/charges.ts'
import { ALLOW_BY_DEFAULT, DENY_BY_DEFAULT, decideGate, PASS_BY_DEFAULT } from './decide/decide.ts'
import { NO_MARKS } from './decide/marks.ts'
import { decideOnBody } from './decide/rulesets.ts'
import { riskDecider, withoutProvider } from './decide/unanswered.ts'
import { type Lists, listsFrom } from './lists/lists.ts'
import { atConnection, connectionFacts } from './rules/at-connection.ts'
import { accessDimensions, requestDimensions, riskDimensions } from './rules/dimensions.ts'
import { addRule, type RuleCompilers, ruleCompilers, summariesOf } from './rules/kinds.ts'
import type { Report } from './rules/rule.ts'
import { indexRules } from './rules/rule-index.ts'
import { loadRulesets } from './rulesets/load-rulesets.ts'

/**
 * Makes the bundle of what was checked, as it is at `checked.now`, which may be later than the check: rules come in slices, and it yields after each, so that who shares the thread
 * with requests can let them go first. @throws AssertionFailed when it was not checked
 */
export function* assembleBundle(
  checked: Checked,
  slices: Iterable<readonly CheckedRule[]>,
): Generator<void, Bundle, void> {
  const lists = listsFrom(checked.lists, checked.now)
  const { rulesets } = yield* loadRulesets(checked.rulesets, checked.now)
  const compilers = ruleCompilers(lists, checked.now, rulesets)
  for (const slice of slices) {
    for (const rule of slice) addRule(compilers, rule, nothingIsWrong)
    yield
  }
  return yield* bundleOf(checked, lists, compilers)
}

/** For who has the thread to itself. @throws AssertionFailed when it was not checked */
export function assembleAtOnce(checked: Checked, rules: readonly CheckedRule[]): Bundle {
  const assembly = assembleBundle(checked, [rules])
  for (;;) {
    const step = assembly.next()
    if (step.done) return step.value
  }
}

const nothingIsWrong: Report = (path, code, message, extras) =>
  assert(extras?.severity === 'warning', `a rule that was checked has no ${code} at ${path.join('.')}: ${message}`)

function* bundleOf(
  { digest, now, onError, lists: contents, rulesets }: Checked,
  lists: Lists,
  { firewall, access, quota, risk }: RuleCompilers,
): Generator<void, Bundle, void> {
  const rules = summariesOf({ firewall, access, quota, risk })
  const excluded = rulesets.flatMap(({ exclude }) => exclude.map(({ until }) => until))
  const ends = [...contents.parts.map(({ until }) => until), ...rules.map(({ expires }) => expires), ...excluded]
  yield
  const accepting = yield* indexRules(atConnection(firewall.rules), requestDimensions, contents)
  const screening = yield* indexRules(firewall.rules, requestDimensions, contents)
  yield
  const [onBody, onHead] = [access.rules.filter(readsBody), access.rules.filter((rule) => !readsBody(rule))]
  yield
  const authorizing = yield* indexRules(onHead, accessDimensions, contents)
  const inspecting = yield* indexRules(onBody, accessDimensions, contents)
  const metering = yield* indexRules(quota.rules, accessDimensions, contents)
  const assess = riskDecider(
    yield* indexRules(risk.rules, riskDimensions, contents),
    yield* indexRules(withoutProvider(risk.rules), riskDimensions, contents),
    onError,
  )
  yield
  const reads = {
    firewall: withoutContained([...firewall.reads]),
    access: withoutContained([...access.reads]),
    quota: withoutContained([...quota.reads]),
    risk: withoutContained([...risk.reads]),
  }
  yield
  return {
    digest,
    onError,
    validUntil: firstAfter(now, ends),
    rules,
    lists,
    reads,
    hasRulesets: rulesets.length > 0,
    accept: (source, now) => decideGate(accepting, connectionFacts(source, now), NO_MARKS, ALLOW_BY_DEFAULT),
    screen: (facts, marks = NO_MARKS) => decideGate(screening, facts, marks, ALLOW_BY_DEFAULT),
    screenBody: (open, body, marks = NO_MARKS) => decideOnBody(open, body, marks),
    authorize: (facts, marks = NO_MARKS) => decideGate(authorizing, facts, marks, DENY_BY_DEFAULT),
    inspect: (facts, marks = NO_MARKS) => decideGate(inspecting, facts, marks, PASS_BY_DEFAULT),
    quotas: (facts, marks = NO_MARKS) => findCharges(metering, facts, marks),
    assess: (facts, marks = NO_MARKS) => assess(facts, marks),
  }
}

function readsBody({ reads }: { readonly reads: readonly FactPath[] }): boolean {
  return reads.some((path) => isWithin(path, 'body'))
}

function firstAfter(now: Instant, ends: readonly (Instant | null)[]): Instant | null {
  let first: Instant | null = null
  for (const end of ends) if (end !== null && end > now && (first === null || end < first)) first = end
  return first
}
