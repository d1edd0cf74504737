import { isId } from '../kernel/id.ts'

/** Whom a token is for, what it permits, and for how long. */
export type TokenGrant = { readonly subject: string; readonly scope: string; readonly lifetimeS: number }

/** Why a token is not given (RFC 6749 section 5.2). */
export type TokenRefusal = {
  readonly error: 'invalid_request' | 'invalid_scope' | 'unsupported_grant_type'
  readonly error_description: string
}

const RESOURCES = ['accounts', 'transfers', 'products', 'events', 'webhooks'] as const

/** A member's usual scopes. To have all that is held on a member takes a token that was asked for to that end. */
const MEMBER_SCOPES: readonly string[] = [
  ...RESOURCES.flatMap((resource) => [`${resource}:read`, `${resource}:write`]),
  'members:read',
]

/** All scopes there are. */
export const OPERATOR_SCOPES: readonly string[] = [
  ...MEMBER_SCOPES,
  'members:write',
  'members:erase',
  'members:export',
  'exports:read',
  'exports:write',
  'standings:write',
  'accounts:credit',
  'deposits:write',
  'rates:write',
  'withdrawals:read',
  'withdrawals:write',
  'settlement:read',
  'settlement:write',
  'reviews:read',
  'reviews:write',
  'operator',
]

const PARAMETERS: readonly string[] = ['grant_type', 'member', 'operator', 'scope', 'ttl']
const OPERATOR_ID = /^op_[A-Za-z0-9_-]{1,64}$/
/** RFC 6749 section 3.3: printable ASCII without `"` and `\`, separated by one space. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/
const SCOPE_CHARACTERS_MAX = 1_000
const LIFETIME_DEFAULT_S = 600
const LIFETIME_MAX_S = 86_400
const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 }

/** Reads the form of a token request: one of `member` and `operator`; `scope` and `ttl` as wanted. */
export function readTokenRequest(form: Readonly<Record<string, unknown>>): TokenGrant | TokenRefusal {
  for (const [name, value] of Object.entries(form)) {
    if (!PARAMETERS.includes(name)) return refusal('invalid_request', `unknown parameter ${JSON.stringify(name)}`)
    if (typeof value !== 'string') return refusal('invalid_request', `${name} stands more than once`)
  }
  const { grant_type: grantType, member, operator, scope, ttl } = form as Readonly<Record<string, string | undefined>>
  if (grantType !== undefined && grantType !== 'client_credentials')
    return refusal('unsupported_grant_type', 'the one grant type is client_credentials')
  const subject = subjectOf(member, operator)
  if (subject === null)
    return refusal('invalid_request', 'one of member=mem_… and operator=op_… says whom the token is for')
  const granted = scope ?? (member === undefined ? OPERATOR_SCOPES : MEMBER_SCOPES).join(' ')
  if (!SCOPE.test(granted) || granted.length > SCOPE_CHARACTERS_MAX)
    return refusal('invalid_scope', 'scope is a list of words with one space between them')
  const lifetimeS = ttl === undefined ? LIFETIME_DEFAULT_S : secondsOf(ttl)
  if (lifetimeS === null) return refusal('invalid_request', 'ttl is a time like 90s, 10m or 1h, at most 24h')
  return { subject, scope: granted, lifetimeS }
}

function subjectOf(member: string | undefined, operator: string | undefined): string | null {
  if (member !== undefined) return operator === undefined && isId('member', member) ? member : null
  return operator !== undefined && OPERATOR_ID.test(operator) ? operator : null
}

function secondsOf(text: string): number | null {
  const match = /^([1-9]\d{0,5})([smh]?)$/.exec(text)
  const seconds = Number(match?.[1]) * (UNIT_S[match?.[2] || 's'] ?? 1)
  return seconds <= LIFETIME_MAX_S ? seconds : null // NaN, too, is no lifetime
}

function refusal(error: TokenRefusal['error'], description: string): TokenRefusal {
  return { error, error_description: description }
}
