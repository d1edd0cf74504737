import { Problem } from '../../kernel/problem.ts'

/** The ways in which a client presents a token (RFC 6750, RFC 9449 section 7.1). */
export type Scheme = 'Bearer' | 'DPoP'
export type Credential = { readonly scheme: Scheme; readonly token: string }

/** What no token holds, and a header may: white space, and a comma that would part two of them. */
const ENDS = [' ', '\t', '\u00a0', ',']

/** The Authorization header; the scheme's name is case-insensitive (RFC 9110 section 11.1). @throws Problem */
export function readCredential(authorization: string | undefined): Credential {
  if (authorization === undefined) {
    throw new Problem('unauthenticated', { headers: { 'www-authenticate': 'Bearer realm="tidegate"' } })
  }
  const [, scheme = ''] = /^(bearer|dpop) /i.exec(authorization) ?? []
  const token = authorization.slice(scheme.length + 1)
  if (scheme === '' || token === '' || ENDS.some((end) => token.includes(end)))
    throw refused('the Authorization header is neither `Bearer TOKEN` nor `DPoP TOKEN`')
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token }
}

export function refused(detail: string, cause?: unknown): Problem {
  return new Problem('invalid_token', {
    detail,
    cause,
    headers: { 'www-authenticate': 'Bearer realm="tidegate", error="invalid_token"' },
  })
}
