import { Problem } from '../../kernel/problem.ts'
import type { Routed } from '../exchange.ts'
import type { Revocations } from '../revocations.ts'
import { refused } from './credential.ts'

/**
 * Holds the claims of a verified token to what is known of revocations, and of who is not active: when the caller is
 * identified, and again before the request is sent on, since its body may have taken half a minute. At once, unless news is
 * waited for. @throws Problem when the token was revoked, when a member who is not active would change something, or, where
 * money moves, when nobody knows
 */
export type RevocationCheck = (
  request: Pick<Routed, 'route' | 'method'>,
  claims: Readonly<Record<string, unknown>>,
) => void | Promise<void>

/** What changes nothing (RFC 9110 section 9.2.1). */
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** Tag of routes that whoever is frozen or closed may use all the same: to be told what is held on them is their right. */
const OWN_RIGHTS = 'own-rights'

export function createRevocationCheck(
  revocations: Pick<Revocations, 'isFresh' | 'revokes' | 'statusOf'>,
): RevocationCheck {
  const check = (method: string, claims: Readonly<Record<string, unknown>>, mayAlways = false): void => {
    if (revocations.revokes(claims)) throw refused('the token was revoked')
    const status = revocations.statusOf(String(claims['sub']))
    if (status === 'active' || mayAlways || READS.has(method)) return
    throw new Problem('member_not_active', {
      detail: `the member is ${status}: what changes nothing is served`,
      state: { status },
    })
  }
  const checkForMoney = async (method: string, claims: Readonly<Record<string, unknown>>): Promise<void> => {
    if (!(await revocations.isFresh())) {
      throw new Problem('dependency_unavailable', { detail: 'which tokens were revoked is not known' })
    }
    check(method, claims)
  }
  return ({ route, method }, claims) => {
    if (route.isPublic) return
    if (route.tags.includes('money')) return checkForMoney(method, claims)
    return check(method, claims, route.tags.includes(OWN_RIGHTS))
  }
}
