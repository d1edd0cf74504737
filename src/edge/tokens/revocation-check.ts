import { Problem } from '../../kernel/problem.ts'
import type { Routed } from '../exchange.ts'
import type { Revocations } from '../revocations.ts'
import { refused } from './credential.ts'

/**
 * Holds the claims of a verified token to what is known of revocations: when the caller is identified, and again before the
 * request is sent on, since its body may have taken half a minute. At once, unless news is waited for. @throws Problem when the
 * token was revoked, or, where money moves, when nobody knows
 */
export type RevocationCheck = (
  request: Pick<Routed, 'route'>,
  claims: Readonly<Record<string, unknown>>,
) => void | Promise<void>

export function createRevocationCheck(revocations: Pick<Revocations, 'isFresh' | 'revokes'>): RevocationCheck {
  const check = (claims: Readonly<Record<string, unknown>>): void => {
    if (revocations.revokes(claims)) throw refused('the token was revoked')
  }
  const checkForMoney = async (claims: Readonly<Record<string, unknown>>): Promise<void> => {
    if (!(await revocations.isFresh())) {
      throw new Problem('dependency_unavailable', { detail: 'which tokens were revoked is not known' })
    }
    check(claims)
  }
  return ({ route }, claims) => {
    if (route.isPublic) return
    return route.tags.includes('money') ? checkForMoney(claims) : check(claims)
  }
}
