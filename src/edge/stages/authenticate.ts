import { isId } from '../../kernel/id.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Principal } from '../../platform/passport.ts'
import { type Authenticated, type Caller, ownerOf, type Screened } from '../exchange.ts'
import { refused, type TokenVerifier, type VerifiedToken } from '../token-verifier.ts'

/** A token with this scope is an operator's: every member's things, and the operator API. */
export const OPERATOR_SCOPE = 'operator'

/** Who is it. A route is open to everyone only where its configuration says so. */
export function createAuthenticate(tokens: TokenVerifier) {
  return async function authenticate(screened: Screened): Promise<Authenticated> {
    const caller = screened.route.isPublic
      ? anonymous
      : callerOf(await tokens.verify(readBearer(screened.headers.get('authorization'))))
    const { principal } = caller
    screened.trail.principal = { kind: principal.kind, id: ownerOf(principal) }
    return { ...screened, caller }
  }
}

const anonymous = { principal: { kind: 'anonymous' }, client: '', scopes: [], claims: {} } as unknown as Caller

/** RFC 6750 section 2.1; the scheme's name is case-insensitive (RFC 9110 section 11.1). */
export function readBearer(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw new Problem('unauthenticated', { headers: { 'www-authenticate': 'Bearer realm="tidegate"' } })
  }
  const match = /^bearer ([^\s,]+)$/i.exec(authorization)
  if (match === null) throw refused('the Authorization header is not `Bearer TOKEN`')
  return match[1] ?? ''
}

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
