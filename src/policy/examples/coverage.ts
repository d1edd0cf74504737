import type { Bundle } from '../bundle.ts'
import type { Considered, Mode } from '../decide/verdict.ts'
import type { ExampleResult } from './examples.ts'

/** How many examples a rule mattered to; a rule in shadow counts as one that is enforced. */
export type RuleCoverage = {
  /** `kind/id` */
  readonly rule: string
  readonly mode: Mode
  readonly file: string
  readonly line: number
  readonly examples: number
}

/** For every rule of the bundle, whether an example reaches it. */
export function coverageOf(bundle: Bundle, results: readonly ExampleResult[]): readonly RuleCoverage[] {
  const counts = new Map<string, number>()
  for (const rule of results.flatMap(({ reached }) => reached)) counts.set(rule, (counts.get(rule) ?? 0) + 1)
  return bundle.rules.map(({ name, mode, file, line }) => {
    return { rule: name, mode, file, line, examples: counts.get(name) ?? 0 }
  })
}

/** The same bundle, which hands on the name of every rule that matters to a verdict. */
export function observed(bundle: Bundle, reach: (rule: string) => void): Bundle {
  const noting = <V extends { readonly considered: readonly Considered[] }>(verdict: V): V => {
    for (const { rule } of verdict.considered) reach(rule)
    return verdict
  }
  return {
    ...bundle,
    screen: (facts, marks) => noting(bundle.screen(facts, marks)),
    screenBody: (open, body, marks) => noting(bundle.screenBody(open, body, marks)),
    authorize: (facts, marks) => noting(bundle.authorize(facts, marks)),
    inspect: (facts, marks) => noting(bundle.inspect(facts, marks)),
    assess: (facts, marks) => noting(bundle.assess(facts, marks)),
    quotas(facts, marks) {
      const verdict = noting(bundle.quotas(facts, marks))
      for (const { quota } of verdict.charges) reach(quota.name)
      return verdict
    },
  }
}
