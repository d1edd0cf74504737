import { contentDigest, type Json } from '../../kernel/canonical-json.ts'
import { fromRfc3339, type Instant } from '../../kernel/clock.ts'
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

/** @throws Problem `validation_failed` for what is no RFC 3339 time; null when it was left out */
export function timeOf(text: string | undefined, where: string): Instant | null {
  if (text === undefined) return null
  const time = fromRfc3339(text)
  if (time === null) throw new Problem('validation_failed', { detail: `${where}: is not an RFC 3339 time` })
  return time
}

export function malformedKey(): Problem {
  return new Problem('idempotency_key_malformed', { detail: 'a key is 1–255 visible ASCII characters, bare or quoted' })
}

/** Whether the caller asks to be answered before the work is done (RFC 7240). */
export function prefersAsync({ headers }: Call): boolean {
  const { prefer } = headers
  return typeof prefer === 'string' && prefer.split(',').some((one) => /^\s*respond-async\s*(;|$)/i.test(one))
}
