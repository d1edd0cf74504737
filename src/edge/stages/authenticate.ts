import { isId } from '../../kernel/id.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Principal } from '../../platform/passport.ts'
import { type Authenticated, type Caller, ownerOf, type Screened } from '../exchange.ts'
import type { Revocations } from '../revocations.ts'
import type { TokenVerifier, VerifiedToken } from '../token-verifier.ts'
import { readCredential, refused } from '../tokens/credential.ts'
import type { SenderCheck } from '../tokens/sender.ts'

/** A token with this scope is an operator's: every member's things, and the operator API. */
export const OPERATOR_SCOPE = 'operator'

/**
 * Who is it. A route is open to everyone only where its configuration says so. On a route that moves money nobody is let in
 * while it is not known which tokens were revoked.
 */
export function createAuthenticate(
  tokens: TokenVerifier,
  checkSender: SenderCheck,
  revocations: Pick<Revocations, 'isFresh'>,
) {
  const identify = async (screened: Screened): Promise<Caller> => {
    const credential = readCredential(screened.headers.get('authorization'))
    screened.trail.scheme = credential.scheme
    if (screened.route.tags.includes('money') && !(await revocations.isFresh())) {
      throw new Problem('dependency_unavailable', { detail: 'which tokens were revoked is not known' })
    }
    const verified = await tokens.verify(credential.token)
    await checkSender(screened, credential, verified) // also of a token that is remembered
    return callerOf(verified)
  }
  return async function authenticate(screened: Screened): Promise<Authenticated> {
    const caller = screened.route.isPublic ? anonymous : await identify(screened)
    const { principal } = caller
    screened.trail.principal = { kind: principal.kind, id: ownerOf(principal) }
    return { ...screened, caller }
  }
}

const anonymous = { principal: { kind: 'anonymous' }, client: '', scopes: [], claims: {} } as unknown as Caller

export function callerOf({ subject, client, scopes, claims }: VerifiedToken): Caller {
  return { principal: principalOf(subject, scopes), client, scopes, claims } as unknown as Caller
}

function principalOf(subject: string, scopes: readonly string[]): Principal {
  const isMember = isId('member', subject)
  // One id is one party: else an operator would share the Idempotency-Keys of a member.
  if (scopes.includes(OPERATOR_SCOPE) === isMember) throw refused('the subject is neither a member nor an operator')
  if (!isMember) return { kind: 'operator', id: subject, scopes: [...scopes] }
  return { kind: 'member', id: subject, member: subject, scopes: [...scopes] }
}
