export {
  type Analysis,
  dependencyText,
  type MoneyAnswer,
  partsOf,
  type RouteFault,
  type RoutePlan,
  sourceText,
} from './analysis/index.ts'
export { assembleBundle } from './assemble.ts'
export { type Bundle, type CompileOptions, compileBundle } from './bundle.ts'
export { type ChainDecision, type ChainFacts, type ChainStep, decideChain } from './chain.ts'
export { analysePolicies, checkFiles } from './check.ts'
export type { Checked, CheckedRule } from './checked.ts'
export { type ExampleResult, runExamples } from './examples.ts'
export type { AccessFacts, RequestFacts, RiskFacts } from './facts.ts'
export { type Finding, formatFinding } from './finding.ts'
export { type Marks, NO_MARKS, withMarks } from './marks.ts'
export { CREDENTIAL_HEADERS, PRIVATE_FACTS } from './private-facts.ts'
export { type FactPath, pick, withoutContained } from './reads.ts'
export type { RuleSummary } from './rule-summary.ts'
export { policyJsonSchema } from './schema.ts'
export type { SourceFile } from './source.ts'
export type { Surface, SurfaceCall, SurfaceRoute } from './surface.ts'
export type { Considered, QuotaCharge, QuotaVerdict, RiskVerdict, StepUpDemand, Tells, Verdict } from './verdict.ts'
