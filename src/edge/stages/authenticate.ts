import { isId } from '../../kernel/id.ts'
import type { Principal } from '../../platform/passport.ts'
import { type Authenticated, add, type Caller, ownerOf, type Screened } from '../exchange.ts'
import type { TokenVerifier, VerifiedToken } from '../token-verifier.ts'
import { readCredential, refused } from '../tokens/credential.ts'
import type { RevocationCheck } from '../tokens/revocation-check.ts'
import type { SenderCheck } from '../tokens/sender.ts'

/** A token with this scope is an operator's: every member's things, and the operator API. */
export const OPERATOR_SCOPE = 'operator'

/** Who is it. A route is open to everyone only where its configuration says so. */
export function createAuthenticate(tokens: TokenVerifier, checkSender: SenderCheck, checkRevoked: RevocationCheck) {
  const identify = async (screened: Screened): Promise<Caller> => {
    const credential = readCredential(screened.headers.get('authorization'))
    screened.trail.scheme = credential.scheme
    const verified = await tokens.verify(credential.token)
    // A token that is remembered is held to both as well.
    await checkRevoked(screened, verified.claims)
    await checkSender(screened, credential, verified)
    return callerOf(verified)
  }
  return async function authenticate(screened: Screened): Promise<Authenticated> {
    const caller = screened.route.isPublic ? anonymous : await identify(screened)
    const { principal } = caller
    screened.trail.principal = { kind: principal.kind, id: ownerOf(principal) }
    return add(screened, 'caller', caller)
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
