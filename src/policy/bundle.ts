import type { WireBody } from '../firewall/index.ts'
import type { Instant } from '../kernel/clock.ts'
import { assembleAtOnce } from './assemble.ts'
import { checkFiles } from './check.ts'
import type { FactPath } from './conditions/reads.ts'
import type { Marks } from './decide/marks.ts'
import type { OpenInspection } from './decide/rulesets.ts'
import type { QuotaVerdict, RiskVerdict, Verdict } from './decide/verdict.ts'
import type { AccessFacts, BodyFacts, RequestFacts, RiskFacts } from './facts.ts'
import type { Finding } from './language/finding.ts'
import type { OnErrors } from './language/on-error.ts'
import type { RuleKind } from './language/schema.ts'
import type { SourceFile } from './language/source.ts'
import type { Lists } from './lists/lists.ts'
import type { RuleSummary } from './rules/rule-summary.ts'
import type { Surface } from './surface.ts'

/** All policy files, checked and compiled together. It never changes; a request keeps the one it began with. */
export type Bundle = {
  /** The name of the content of all files: same files, same digest, in whatever order they were read. */
  readonly digest: `sha256:${string}`
  /** The first moment at which an `expires` is reached: compile again then. Null when none is set. */
  readonly validUntil: Instant | null
  /** What becomes of a transfer when someone that risk control asks does not answer. */
  readonly onError: OnErrors
  /** Every rule that is applied, kind by kind, in the order in which they are walked. */
  readonly rules: readonly RuleSummary[]
  /** The lists that rules name. */
  readonly lists: Lists
  /** The facts that any rule of a kind can read. */
  readonly reads: Readonly<Record<RuleKind, readonly FactPath[]>>
  /** Whether any ruleset looks at requests, which then have to be shown whole. */
  readonly hasRulesets: boolean
  /**
   * The firewall rules that look at the source alone, when its connection is accepted. A denial that an earlier rule might
   * keep from being reached is left to `screen`, so nothing is refused here that `screen` would let pass.
   */
  accept(source: RequestFacts['source'], now: Instant): Verdict
  /** The firewall rules, in order; allowed when none decides. */
  screen(facts: RequestFacts, marks?: Marks): Verdict
  /** The rulesets that `screen` left open, on the request with its body. */
  screenBody(open: readonly OpenInspection[], body: WireBody | null, marks?: Marks): Verdict
  /** The access rules that do not read the body, in order; denied when none decides. */
  authorize(facts: AccessFacts, marks?: Marks): Verdict
  /** The access rules that read the body, in order, on a request that may pass otherwise; none of them allows. */
  inspect(facts: BodyFacts, marks?: Marks): Verdict
  /** Every quota that applies. */
  quotas(facts: AccessFacts, marks?: Marks): QuotaVerdict
  /** The risk rules, in order; held when none decides. */
  assess(facts: RiskFacts, marks?: Marks): RiskVerdict
}

/** What a check may know beside the files; what it is not told of it does not check. */
export type CompileOptions = {
  /** What lies behind the edge. */
  readonly surface?: Surface
  /** What is in force: an edit that loosens it is told from a new rule. */
  readonly before?: Pick<Bundle, 'rules' | 'onError'>
  /** Whether countries can be looked up. */
  readonly countries?: boolean
  /** Whether edges share what they count. */
  readonly shared?: boolean
}

/** Checks and compiles all files, in the order of their paths: all or nothing, null when any finding is an error. */
export function compileBundle(
  files: readonly SourceFile[],
  now: Instant,
  options: CompileOptions = {},
): { readonly bundle: Bundle | null; readonly findings: readonly Finding[] } {
  const { checked, rules, findings } = checkFiles(files, now, options)
  if (checked === null) return { bundle: null, findings }
  return { bundle: assembleAtOnce(checked, rules), findings }
}
