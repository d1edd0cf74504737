import type { AccessFacts, QuotaCharge } from '../../policy/index.ts'
import { type Authenticated, add, type Metered, ownerOf, type QuotaState } from '../exchange.ts'
import type { QuotaCounters } from '../quotas/counters.ts'
import { type Asked, seconds, settle } from '../quotas/settle.ts'

/**
 * Counts the request against the quotas that the policies set for this caller and route; at once, unless edges share their
 * counts. Quotas on amounts are found here and charged by `assess`, once the body is known to be what the contract says.
 */
export function createMeter(counters: QuotaCounters) {
  return function meter(authenticated: Authenticated): Metered | Promise<Metered> {
    const { trail } = authenticated
    const facts = accessFacts(authenticated)
    trail.facts = facts
    const { charges, considered, marks } = trail.bundle.quotas(facts, trail.marks)
    trail.considered.push(...considered)
    trail.marks = marks
    const amountQuotas: QuotaCharge[] = []
    const asked: Asked[] = []
    const waiting: Promise<Asked>[] = []
    for (const { quota, key, points } of charges) {
      if (points === 'amount') {
        amountQuotas.push({ quota, key, points })
        continue
      }
      const counter = counters.of(quota)
      const answer = counter.take(key, points)
      if (answer instanceof Promise) waiting.push(answer.then((it) => ({ quota, counter, key, points, answer: it })))
      else asked.push({ quota, counter, key, points, answer })
    }
    const metered = add(authenticated, 'meter', { amountQuotas } as unknown as Metered['meter'])
    if (waiting.length > 0) return settleAll(waiting, metered)
    settle(trail, asked)
    return metered
  }
}

/** All are asked in one turn, so that Redis gets one message. */
async function settleAll(waiting: readonly Promise<Asked>[], metered: Metered): Promise<Metered> {
  settle(metered.trail, await Promise.all(waiting))
  return metered
}

/** The fields of the IETF draft (draft-ietf-httpapi-ratelimit-headers-11): policy, and what is left of it. */
export function rateLimitHeaders(quotas: readonly QuotaState[]): readonly (readonly [string, string])[] {
  if (quotas.length === 0) return []
  let policies = ''
  let left = ''
  for (const { counter, remaining, resetMs } of quotas) {
    if (policies !== '') {
      policies += ', '
      left += ', '
    }
    policies += counter.policy
    left += `"${counter.name}";r=${remaining};t=${seconds(resetMs)}`
  }
  return [
    ['ratelimit-policy', policies],
    ['ratelimit', left],
  ]
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
