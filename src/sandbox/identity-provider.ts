import { randomUUID } from 'node:crypto'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import { SignJWT } from 'jose'
import { request } from 'undici'
import type { Clock } from '../kernel/clock.ts'
import { ALGORITHM, type SigningKey, signingKeyIn } from './signing-key.ts'
import { type Place, type StandIn, startStandIn } from './stand-in.ts'
import { OPERATOR_SCOPES, readTokenRequest, type TokenGrant, type TokenRefusal } from './token-request.ts'

const AUDIENCE = 'tidegate'
const CLIENT = 'tidegate-sandbox'
const FORM_BYTES_MAX = 8_192
const FORM_PARAMETERS_MAX = 16
const CALL_TIMEOUT_MS = 5_000

/** The answer of the token endpoint (RFC 6749 section 5.1); `expires_in` in seconds. */
export type IssuedToken = {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly scope: string
}

/**
 * An authorization server that gives anyone the token they ask for: for a machine of one's own, never for money.
 * Its URL is its issuer. The key is kept in `keyFolder`.
 */
export async function startIdentityProvider(
  options: Place & { readonly keyFolder: string; readonly clock: Clock },
): Promise<StandIn> {
  const key = await signingKeyIn(options.keyFolder)
  return startStandIn(options, (issuer) => createApp(issuer, key, options.clock))
}

/** Whom to ask a token for; `scope` and `ttl` (`90s`, `10m`, `1h`) have the provider's defaults. */
export type TokenRequest = ({ readonly member: string } | { readonly operator: string }) & {
  readonly scope?: string
  readonly ttl?: string
}

/** Asks the identity provider at `url` for a token. @throws Error with the provider's own words when it gives none */
export async function issueToken(url: string, asked: TokenRequest): Promise<IssuedToken> {
  const answer = await request(`${url}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...asked }).toString(),
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  })
  const body = (await answer.body.json()) as IssuedToken | TokenRefusal
  if ('error' in body) throw new Error(body.error_description)
  return body
}

function createApp(issuer: string, key: SigningKey, clock: Clock): Express {
  const metadata = {
    issuer,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    scopes_supported: OPERATOR_SCOPES,
    response_types_supported: [],
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['none'],
  }
  const app = express()
  app.disable('x-powered-by')
  app.get('/.well-known/jwks.json', (_request, response) => void response.json({ keys: [key.publicJwk] }))
  app.get('/.well-known/oauth-authorization-server', (_request, response) => void response.json(metadata)) // RFC 8414
  app.post(
    '/token',
    express.urlencoded({ extended: false, limit: FORM_BYTES_MAX, parameterLimit: FORM_PARAMETERS_MAX }),
    async ({ body }, response) => {
      const asked = readTokenRequest(body ?? {})
      response.setHeader('cache-control', 'no-store')
      if ('error' in asked) response.status(400).json(asked)
      else response.json(await tokenFor(issuer, key, clock, asked))
    },
  )
  app.use((thrown: { status?: number }, _request: Request, response: Response, _next: NextFunction) => {
    const refusal: TokenRefusal = { error: 'invalid_request', error_description: 'the form can not be read' }
    response.status(thrown.status ?? 500).json(refusal)
  })
  return app
}

/** An access token as RFC 9068 has it. */
async function tokenFor(issuer: string, key: SigningKey, clock: Clock, grant: TokenGrant): Promise<IssuedToken> {
  const issuedAt = Math.floor(clock.now() / 1000)
  const token = await new SignJWT({ client_id: CLIENT, scope: grant.scope })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'at+jwt', kid: key.kid })
    .setIssuer(issuer)
    .setAudience(AUDIENCE)
    .setSubject(grant.subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + grant.lifetimeS)
    .setJti(randomUUID())
    .sign(key.privateKey)
  return { access_token: token, token_type: 'Bearer', expires_in: grant.lifetimeS, scope: grant.scope }
}
