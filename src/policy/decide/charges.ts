import type { Expression } from '../conditions/condition.ts'
import { requestContext } from '../conditions/environment.ts'
import type { AccessFacts } from '../facts.ts'
import { networkOf } from '../lists/cidr.ts'
import type { QuotaEffect } from '../rules/effect.ts'
import type { Rule } from '../rules/rule.ts'
import type { RuleIndex } from '../rules/rule-index.ts'
import type { Throttle } from '../rules/throttle.ts'
import type { Marks } from './marks.ts'
import type { Considered, Quota, QuotaCharge, QuotaVerdict } from './verdict.ts'
import { Walk } from './walk.ts'

/** Every quota that applies; one whose rule can not be evaluated does. */
export function findCharges(
  rules: RuleIndex<AccessFacts, Rule<AccessFacts, QuotaEffect>>,
  facts: AccessFacts,
  marks: Marks,
): QuotaVerdict {
  const walk = new Walk(facts, marks, requestContext)
  const charges: QuotaCharge[] = []
  const failed: Considered[] = []
  for (const rule of rules(facts, walk)) {
    const outcome = walk.take(rule)
    if (outcome === null || outcome === 'skipped' || !isQuota(rule)) continue
    charges.push(chargeOf(rule, facts, walk, failed))
  }
  const { considered, marks: left } = walk
  const mattered = considered.filter(({ effect, outcome }) => effect !== 'throttle' || !COUNTED.includes(outcome))
  return { charges, considered: failed.length === 0 ? mattered : [...mattered, ...failed], marks: left }
}

/** Whether these matter is known once they are counted. */
const COUNTED: readonly string[] = ['matched', 'shadow']

function isQuota(rule: Rule<AccessFacts, QuotaEffect>): rule is Rule<AccessFacts, Throttle> {
  return rule.effect.name === 'throttle'
}

/**
 * What can not be found out must not be the way around a quota: all whose key can not be told share one bucket, and a cost
 * that can not be told is all that a bucket holds.
 */
function chargeOf(quota: Quota, facts: AccessFacts, walk: Walk<AccessFacts>, failed: Considered[]): QuotaCharge {
  const { key, cost, allowance } = quota.effect
  const points = typeof cost === 'function' ? (costOf(cost) ?? allowance.points) : cost
  return { quota, points, key: typeof key === 'function' ? (nameOf(key) ?? '') : bucketOf(key, facts) }

  function nameOf(expression: Expression<unknown>): string | null {
    const value = evaluated(expression)
    if (typeof value === 'string' || typeof value === 'bigint' || typeof value === 'number') return String(value)
    return fail('the key is neither a text nor a number')
  }

  function costOf(expression: Expression<unknown>): number | null {
    const value = evaluated(expression)
    if (typeof value !== 'bigint' && !Number.isInteger(value)) return fail('the cost is not a whole number')
    return Math.min(Math.max(Number(value), 1), allowance.points)
  }

  function evaluated(expression: Expression<unknown>): unknown {
    try {
      return expression(walk.context())
    } catch (error) {
      return fail(String(error).split('\n', 1)[0] ?? '')
    }
  }

  function fail(detail: string): null {
    const { name: rule, mode } = quota
    if (failed.at(-1)?.rule !== rule) failed.push({ rule, outcome: 'error', mode, effect: 'throttle', detail })
    return null
  }
}

/** A member is one principal, whichever client acts for it; who is anonymous is told apart by address, of IPv6 by network. */
function bucketOf(key: Exclude<Throttle['key'], Expression<unknown>>, facts: AccessFacts): string {
  switch (key) {
    case 'principal':
      return whoIn(facts)
    case 'client':
      return facts.principal.client === '' ? whoIn(facts) : `client:${facts.principal.client}`
    case 'source':
      return networkOf(facts.source.ip)
    case 'route':
      return facts.route.id
    case 'principal+route':
      return `${facts.route.id}:${whoIn(facts)}`
  }
}

/** Ids of members are of a form that no other text here has. */
function whoIn({ principal, source }: AccessFacts): string {
  if (principal.member !== '') return principal.member
  return principal.kind === 'anonymous' ? `anonymous:${networkOf(source.ip)}` : `${principal.kind}:${principal.id}`
}
