import type { Instant } from '../kernel/clock.ts'
import { assembleBundle } from './assemble.ts'
import { checkFiles } from './check.ts'
import type { AccessFacts, RequestFacts, RiskFacts } from './facts.ts'
import type { Finding } from './finding.ts'
import type { OnErrors } from './on-error.ts'
import type { SourceFile } from './source.ts'
import type { QuotaCharge, RiskVerdict, Verdict } from './verdict.ts'

/** All policy files, checked and compiled together. It never changes; a request keeps the one it began with. */
export type Bundle = {
  /** The name of the content of all files: same files, same digest, in whatever order they were read. */
  readonly digest: `sha256:${string}`
  /** The first moment at which a rule's `expires` is reached: compile again then. Null when none is set. */
  readonly validUntil: Instant | null
  /** What becomes of a transfer when someone that risk control asks does not answer. */
  readonly onError: OnErrors
  /** The firewall rules, in order; allowed when none decides. */
  screen(facts: RequestFacts): Verdict
  /** The access rules, in order; denied when none decides. */
  authorize(facts: AccessFacts): Verdict
  /** Every quota that applies. */
  quotas(facts: AccessFacts): readonly QuotaCharge[]
  /** The risk rules, in order; held when none decides. */
  assess(facts: RiskFacts): RiskVerdict
}

/** Checks and compiles all files, in the order of their paths: all or nothing, null when any finding is an error. */
export function compileBundle(
  files: readonly SourceFile[],
  now: Instant,
): { readonly bundle: Bundle | null; readonly findings: readonly Finding[] } {
  const { checked, rules, findings } = checkFiles(files, now)
  if (checked === null) return { bundle: null, findings }
  const assembly = assembleBundle(checked, [rules])
  for (;;) {
    const step = assembly.next()
    if (step.done) return { bundle: step.value, findings }
  }
}
