import { Problem } from '../../kernel/problem.ts'
import type { AccessFacts, QuotaCharge } from '../../policy/index.ts'
import {
  type AmountQuota,
  type Authenticated,
  add,
  type Metered,
  ownerOf,
  type QuotaState,
  type Trail,
} from '../exchange.ts'
import type { Bucket, QuotaCounters } from '../quota-counters.ts'
import { told } from './screen.ts'

/**
 * Counts the request against the quotas that the policies set for this caller and route. Quotas on amounts are found here
 * and charged by `assess`, once the body is known to be what the contract says.
 */
export function createMeter(counters: QuotaCounters) {
  return async function meter(authenticated: Authenticated): Promise<Metered> {
    const { trail } = authenticated
    const facts = accessFacts(authenticated)
    trail.facts = facts
    const { charges, considered, marks } = trail.bundle.quotas(facts, trail.marks)
    trail.considered.push(...considered)
    trail.marks = marks
    for (const quota of charges) {
      if (quota.cost === 'request') await charge(counters, quota, quota, 1, trail)
    }
    const amountQuotas = charges.filter((quota): quota is AmountQuota => quota.cost === 'amount')
    return add(authenticated, 'meter', { amountQuotas } as unknown as Metered['meter'])
  }
}

/**
 * Takes `points`, and says whether they were there; that a rule in shadow would have refused is written down and passes.
 * @throws Problem `quota_exceeded`
 */
export async function charge(
  counters: QuotaCounters,
  quota: QuotaCharge,
  bucket: Bucket,
  points: number,
  trail: Trail,
): Promise<boolean> {
  const { taken, state } = await counters.take(bucket, points)
  if (quota.mode === 'enforce' && quota.tells !== 'nothing') trail.quotas.push(state) // it names the rule
  if (taken) return true
  const outcome = quota.mode === 'enforce' ? 'matched' : 'shadow'
  trail.considered.push({ rule: quota.rule, outcome, mode: quota.mode, effect: 'throttle' })
  if (quota.mode === 'shadow') return false
  throw new Problem('quota_exceeded', {
    ...told(quota),
    headers: { 'retry-after': String(seconds(state.resetMs)) },
  })
}

/** The fields of the IETF draft (draft-ietf-httpapi-ratelimit-headers-11): policy, and what is left of it. */
export function rateLimitHeaders(quotas: readonly QuotaState[]): readonly (readonly [string, string])[] {
  if (quotas.length === 0) return []
  const policies = quotas.map(({ name, limit, windowMs }) => `"${name}";q=${limit};w=${seconds(windowMs)}`)
  const left = quotas.map(({ name, remaining, resetMs }) => `"${name}";r=${remaining};t=${seconds(resetMs)}`)
  return [
    ['ratelimit-policy', policies.join(', ')],
    ['ratelimit', left.join(', ')],
  ]
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}

/** What access rules and quotas may read of a request. */
export function accessFacts({ facts, caller }: Authenticated): AccessFacts {
  const { principal, client, scopes, claims } = caller
  const kind = principal.kind === 'service' ? 'anonymous' : principal.kind // no token makes a service
  return {
    ...facts,
    principal: {
      kind,
      id: ownerOf(principal),
      member: principal.kind === 'member' ? principal.member : '',
      client,
      scopes,
      roles: rolesOf(claims),
    },
    claims,
  }
}

/** Each a text, or an object with a `value` (RFC 9068, section 2.2.3.1, by RFC 7643, section 4.1.2). What is neither is none. */
function rolesOf({ roles }: Readonly<Record<string, unknown>>): readonly string[] {
  if (!Array.isArray(roles)) return []
  const names = roles.map((role: unknown) =>
    typeof role === 'object' && role !== null && 'value' in role ? role.value : role,
  )
  return names.filter((name) => typeof name === 'string')
}
