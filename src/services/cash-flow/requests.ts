import { contentDigest, type Json } from '../../kernel/canonical-json.ts'
import { parseIdempotencyKey } from '../../kernel/idempotency-key.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Principal } from '../../platform/passport.ts'
import type { Call } from '../../platform/service-route.ts'
import type { Actor, KeyedRequest } from './commands.ts'

/** Who calls. @throws Problem `not_found` for nobody: such a caller reaches nothing here */
export function actorOf(principal: Principal): Actor {
  switch (principal.kind) {
    case 'member':
      return { kind: 'member', id: principal.member }
    case 'operator':
    case 'service':
      return { kind: principal.kind, id: principal.id }
    default:
      throw new Problem('not_found')
  }
}

/**
 * The request under its Idempotency-Key, null without one; the digest is over what the caller sent, nothing of ours.
 * @throws Problem `idempotency_key_malformed`
 */
export function keyedRequestOf({ passport, headers, body }: Call): KeyedRequest | null {
  const parsed = parseIdempotencyKey(headers['idempotency-key'])
  if (parsed.kind === 'missing') return null
  if (parsed.kind === 'malformed') throw malformedKey()
  const digest = contentDigest({ method: passport.method, target: passport.target, body: (body ?? null) as Json })
  return { owner: actorOf(passport.principal).id, key: parsed.key, digest }
}

export function malformedKey(): Problem {
  return new Problem('idempotency_key_malformed', { detail: 'a key is 1–255 visible ASCII characters, bare or quoted' })
}

/** Whether the caller asks to be answered before the work is done (RFC 7240). */
export function prefersAsync({ headers }: Call): boolean {
  const { prefer } = headers
  return typeof prefer === 'string' && prefer.split(',').some((one) => /^\s*respond-async\s*(;|$)/i.test(one))
}
