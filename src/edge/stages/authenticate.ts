import { isId } from '../../kernel/id.ts'
import type { Principal } from '../../platform/passport.ts'
import type { AccessFacts } from '../../policy/index.ts'
import { type Authenticated, add, type Caller, ownerOf, type Screened, type Trail } from '../exchange.ts'
import type { TokenVerifier, VerifiedToken } from '../token-verifier.ts'
import { type Credential, readCredential, refused } from '../tokens/credential.ts'
import type { RevocationCheck } from '../tokens/revocation-check.ts'
import type { SenderCheck } from '../tokens/sender.ts'

/** A token with this scope is an operator's: every member's things, and the operator API. */
export const OPERATOR_SCOPE = 'operator'

/** A caller, what the rules are shown of one, and what a receipt names. */
type Known = {
  readonly caller: Caller
  readonly shown: AccessFacts['principal']
  readonly named: NonNullable<Trail['principal']>
}

/** Who is it. A route is open to everyone only where its configuration says so. */
export function createAuthenticate(tokens: TokenVerifier, checkSender: SenderCheck, checkRevoked: RevocationCheck) {
  const known = new WeakMap<VerifiedToken, Known>() // a token that is remembered tells of the same caller each time

  const callerBehind = (verified: VerifiedToken): Known => {
    const before = known.get(verified)
    if (before !== undefined) return before
    const found = knownAs(callerOf(verified))
    known.set(verified, found)
    return found
  }

  /** A token that is remembered is held to both as well. Each answers at once, unless something is waited for. */
  const hold = (
    screened: Screened,
    credential: Credential,
    verified: VerifiedToken,
  ): Authenticated | Promise<Authenticated> => {
    const notRevoked = checkRevoked(screened, verified.claims)
    if (notRevoked !== undefined) return notRevoked.then(() => holdToSender(screened, credential, verified))
    return holdToSender(screened, credential, verified)
  }
  const holdToSender = (screened: Screened, credential: Credential, verified: VerifiedToken) => {
    const sentByOwner = checkSender(screened, credential, verified)
    if (sentByOwner !== undefined) return sentByOwner.then(() => authenticated(screened, callerBehind(verified)))
    return authenticated(screened, callerBehind(verified))
  }

  return function authenticate(screened: Screened): Authenticated | Promise<Authenticated> {
    if (screened.route.isPublic) return authenticated(screened, anonymous)
    const credential = readCredential(screened.headers.get('authorization'))
    screened.trail.scheme = credential.scheme
    const verified = tokens.verify(credential.token)
    if (verified instanceof Promise) return verified.then((token) => hold(screened, credential, token))
    return hold(screened, credential, verified)
  }
}

function authenticated(screened: Screened, { caller, shown, named }: Known): Authenticated {
  const { trail, facts } = screened
  trail.principal = named
  const access: AccessFacts = { ...facts, principal: shown, claims: caller.claims }
  trail.facts = access
  return add(add(screened, 'caller', caller), 'access', access)
}

function knownAs(caller: Caller): Known {
  const { principal, client, scopes, claims } = caller
  const kind = principal.kind === 'service' ? 'anonymous' : principal.kind // no token makes a service
  const member = principal.kind === 'member' ? principal.member : ''
  const id = ownerOf(principal)
  return { caller, shown: { kind, id, member, client, scopes, roles: rolesOf(claims) }, named: { kind, id } }
}

const anonymous = knownAs({ principal: { kind: 'anonymous' }, client: '', scopes: [], claims: {} } as unknown as Caller)

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

/** Each a text, or an object with a `value` (RFC 9068, section 2.2.3.1, by RFC 7643, section 4.1.2). What is neither is none. */
function rolesOf({ roles }: Readonly<Record<string, unknown>>): readonly string[] {
  if (!Array.isArray(roles)) return []
  const names = roles.map((role: unknown) =>
    typeof role === 'object' && role !== null && 'value' in role ? role.value : role,
  )
  return names.filter((name) => typeof name === 'string')
}
