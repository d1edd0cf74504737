import { Problem } from '../../kernel/problem.ts'
import type { Verdict } from '../../policy/index.ts'
import type { Routed, Screened, Screening, Trail } from '../exchange.ts'

/** The firewall's rules on the request as it stands, before anyone is asked who sent it. */
export function screen(routed: Routed): Screened {
  const verdict = routed.trail.bundle.screen(routed.facts)
  const rule = enforce(verdict, routed.trail)
  return { ...routed, screening: { rule } as Screening }
}

/** Writes a verdict down, and turns a denial into the refusal that the caller sees. @returns the rule that allowed */
export function enforce(verdict: Verdict, trail: Trail): string {
  trail.considered.push(...verdict.considered)
  if (verdict.effect === 'allow') return verdict.rule
  const { code, status, rule, why, remedy } = verdict
  throw new Problem(code, { status, rule, detail: why, ...(remedy === null ? {} : { remedy }) })
}
