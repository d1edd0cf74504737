import { Problem } from '../../kernel/problem.ts'
import type { Routed } from '../exchange.ts'
import type { Revocations } from '../revocations.ts'
import { refused } from './credential.ts'

/**
 * Holds the claims of a verified token to what is known of revocations: when the caller is identified, and again before the
 * request is sent on, since its body may have taken half a minute. @throws Problem when the token was revoked, or, where money
 * moves, when nobody knows
 */
export type RevocationCheck = (
  request: Pick<Routed, 'route'>,
  claims: Readonly<Record<string, unknown>>,
) => Promise<void>

export function createRevocationCheck(revocations: Pick<Revocations, 'isFresh' | 'revokes'>): RevocationCheck {
  return async ({ route }, claims) => {
    if (route.isPublic) return
    if (route.tags.includes('money') && !(await revocations.isFresh())) {
      throw new Problem('dependency_unavailable', { detail: 'which tokens were revoked is not known' })
    }
    if (revocations.revokes(claims)) throw refused('the token was revoked')
  }
}
