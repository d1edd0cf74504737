export {
  type Analysis,
  dependencyText,
  fromText,
  type MoneyAnswer,
  partsOf,
  type RouteFault,
  type RoutePlan,
  sourceText,
} from './analysis/index.ts'
export { findLapses, type Lapse } from './analysis/lapses.ts'
export { assembleAtOnce, assembleBundle } from './assemble.ts'
export { type Bundle, type CompileOptions, compileBundle } from './bundle.ts'
export { analysePolicies, checkFiles } from './check.ts'
export type { Checked, CheckedRule } from './checked.ts'
export { isWithin, withoutContained, writerOf } from './conditions/reads.ts'
export { type ChainDecision, type ChainFacts, decideChain } from './decide/chain.ts'
export { type Marks, NO_MARKS, withMarks } from './decide/marks.ts'
export type { OpenInspection } from './decide/rulesets.ts'
export {
  type Considered,
  type MatchedSign,
  type Quota,
  type QuotaCharge,
  type RiskVerdict,
  type StepUpDemand,
  TELLS,
  type Tells,
  type Verdict,
} from './decide/verdict.ts'
export { coverageOf, type RuleCoverage } from './examples/coverage.ts'
export { type ExampleResult, runExamples } from './examples/examples.ts'
export { findChanges } from './explain/counterfactual.ts'
export { type NearRule, nearestRules } from './explain/nearest-rule.ts'
export { findSmallerAmount } from './explain/transfer-change.ts'
export type { AccessFacts, BodyFacts, RequestFacts, RiskFacts } from './facts.ts'
export { type KeptRiskFacts, keptRiskFacts, readRiskFacts } from './kept-risk-facts.ts'
export { type Finding, formatFinding } from './language/finding.ts'
export { BUDGET_COUNT_MAX, type Budget, CALLEES, type Callee, type OnErrors } from './language/on-error.ts'
export { policyJsonSchema } from './language/schema.ts'
export { PRIORITIES } from './language/schema-rule.ts'
export type { SourceFile } from './language/source.ts'
export { networkOf } from './lists/cidr.ts'
export { SUSPENDED_REVIEWERS } from './lists/known-lists.ts'
export { CREDENTIAL_HEADERS, PRIVATE_FACTS } from './private-facts.ts'
export { type HoldTerms, holdTerms, type Priority } from './rules/case-terms.ts'
export { majorUnits, type QuotaOnError } from './rules/throttle.ts'
export { rulesetsOutside } from './rulesets/outside.ts'
export { isRulesetFile } from './rulesets/ruleset-files.ts'
export type { Surface, SurfaceCall, SurfaceRoute } from './surface.ts'
