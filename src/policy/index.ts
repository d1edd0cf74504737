export {
  type Analysis,
  dependencyText,
  type MoneyAnswer,
  partsOf,
  type RouteFault,
  type RoutePlan,
  sourceText,
} from './analysis/index.ts'
export { assembleAtOnce, assembleBundle } from './assemble.ts'
export { type Bundle, type CompileOptions, compileBundle } from './bundle.ts'
export { type ChainDecision, type ChainFacts, type ChainStep, decideChain } from './chain.ts'
export { analysePolicies, checkFiles } from './check.ts'
export type { Checked, CheckedRule } from './checked.ts'
export { findChanges } from './counterfactual.ts'
export { coverageOf, type RuleCoverage } from './coverage.ts'
export { type ExampleResult, runExamples } from './examples.ts'
export type { AccessFacts, BodyFacts, RequestFacts, RiskFacts } from './facts.ts'
export { type Finding, formatFinding } from './finding.ts'
export { type Marks, NO_MARKS, withMarks } from './marks.ts'
export { type NearRule, nearestRules } from './nearest-rule.ts'
export { BUDGET_COUNT_MAX, type Budget, CALLEES, type Callee, type OnErrors } from './on-error.ts'
export { CREDENTIAL_HEADERS, PRIVATE_FACTS } from './private-facts.ts'
export { pickerOf, withoutContained } from './reads.ts'
export type { RuleSummary } from './rule-summary.ts'
export { policyJsonSchema } from './schema.ts'
export type { SourceFile } from './source.ts'
export type { Surface, SurfaceCall, SurfaceRoute } from './surface.ts'
export { findSmallerAmount } from './transfer-change.ts'
export {
  type Considered,
  type QuotaCharge,
  type QuotaVerdict,
  type RiskVerdict,
  type StepUpDemand,
  TELLS,
  type Tells,
  type Verdict,
} from './verdict.ts'
