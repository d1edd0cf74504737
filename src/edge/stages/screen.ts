import type { WireRequest } from '../../firewall/index.ts'
import { Problem, type ProblemExtras } from '../../kernel/problem.ts'
import { findChanges, type StepUpDemand, type Tells, type Verdict } from '../../policy/index.ts'
import { add, type Routed, type Screened, type Screening, type Trail } from '../exchange.ts'

/** The firewall's rules on the request as it stands, before anyone is asked who sent it. */
export function screen(routed: Routed): Screened {
  const { trail } = routed
  const facts = trail.bundle.hasRulesets ? { ...routed.facts, wire: wireOf(routed) } : routed.facts
  const verdict = trail.bundle.screen(facts, trail.marks)
  const rule = enforce(verdict, trail)
  const open = 'open' in verdict ? (verdict.open ?? []) : []
  return add(routed, 'screening', { rule, open } as Screening)
}

/** The request as rulesets read it: what arrived, where it matters how it was written. */
function wireOf({ method, target, incoming, headers, facts, hasBody }: Routed): WireRequest {
  const protocol = `HTTP/${incoming.httpVersion}`
  return { method, target, protocol, headers, source: facts.source, hasBody }
}

/** Writes a verdict down, and turns a denial into the refusal that the caller sees. @returns the rule that allowed */
export function enforce(verdict: Verdict, trail: Trail): string {
  trail.considered.push(...verdict.considered)
  trail.marks = verdict.marks
  if ('signs' in verdict && verdict.signs !== undefined) trail.signs = [...trail.signs, ...verdict.signs]
  if (verdict.effect === 'allow') return verdict.rule
  const { code, status } = verdict
  const challenge = verdict.effect === 'stepUp' ? { headers: { 'www-authenticate': stepUpChallenge(verdict) } } : {}
  throw new Problem(code, { status, ...told(verdict), ...changeOf(verdict, trail), ...challenge })
}

type Refusing = { readonly rule: string; readonly why: string; readonly remedy: string | null; readonly tells: Tells }

/** Who refused and why, for the receipt, and for the caller as far as the rule tells. */
export function told({ rule, why, remedy, tells }: Refusing): ProblemExtras {
  return {
    rule,
    detail: why,
    ...(remedy === null ? {} : { remedy }),
    ...(tells === 'nothing' ? { tellsNothing: true } : {}),
  }
}

/** What would have let the request pass, where the rule tells: found by bounded work, on the real policies. */
function changeOf({ tells }: Refusing, { bundle, facts, scopesNeeded }: Trail): Pick<ProblemExtras, 'change'> {
  if (tells !== 'change' || facts === null) return {}
  const known = { principal: null, claims: {}, ...facts, scopesNeeded, risk: null, usedUp: [] }
  return { change: findChanges(bundle, known) }
}

/** RFC 9470, section 3. The words of `acr` were checked to need no escapes. */
function stepUpChallenge({ acr, maxAgeMs }: StepUpDemand): string {
  const parts = ['Bearer realm="tidegate"', 'error="insufficient_user_authentication"']
  if (acr.length > 0) parts.push(`acr_values="${acr.join(' ')}"`)
  if (maxAgeMs !== null) parts.push(`max_age="${Math.floor(maxAgeMs / 1000)}"`)
  return parts.join(', ')
}
