import { Agent } from 'node:http'
import express, { type NextFunction, type Request, type Response } from 'express'
import { rateLimit } from 'express-rate-limit'
import helmet from 'helmet'
import { createProxyMiddleware, fixRequestBody } from 'http-proxy-middleware'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import CircuitBreaker from 'opossum'

/**
 * A gateway as most would put it together from express, helmet, express-rate-limit, jose, opossum and http-proxy-middleware,
 * each as its README has it: headers on every answer, a limit by address, the token verified on every request against a
 * local JWKS, the body parsed and sent again (`fixRequestBody`), a breaker around the proxying.
 */
const [port, upstream, issuer] = [Number(process.argv[2]), process.argv[3] ?? '', process.argv[4] ?? '']
const LIMIT = { windowMs: 60_000, limit: 1_000_000_000 }
const PROXY_MS_MAX = 10_000

const keys = createLocalJWKSet((await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as JSONWebKeySet)
const proxy = createProxyMiddleware({
  target: upstream,
  changeOrigin: true,
  agent: new Agent({ keepAlive: true }),
  on: { proxyReq: fixRequestBody },
})
const breaker = new CircuitBreaker(
  (request: Request, response: Response) =>
    new Promise<void>((done, fail) => {
      response.once('finish', () => (response.statusCode < 500 ? done() : fail(new Error('the upstream failed'))))
      proxy(request, response, fail)
    }),
  { timeout: PROXY_MS_MAX, errorThresholdPercentage: 50, resetTimeout: 5_000 },
)

const app = express()
app.use(helmet())
app.use(rateLimit({ ...LIMIT, standardHeaders: 'draft-8', legacyHeaders: false }))
app.use(express.json())
app.use(verifyToken)
app.use((request, response) => {
  breaker.fire(request, response).catch(() => response.headersSent || response.status(503).end())
})
app.listen(port, '127.0.0.1').keepAliveTimeout = 60_000

async function verifyToken(request: Request, response: Response, next: NextFunction): Promise<void> {
  const token = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
  const needed = request.method === 'POST' ? 'transfers:write' : 'accounts:read'
  try {
    const { payload } = await jwtVerify(token, keys, { issuer, audience: 'tidegate', typ: 'at+jwt' })
    if (String(payload['scope']).split(' ').includes(needed)) next()
    else response.status(403).json({ error: 'insufficient_scope' })
  } catch {
    response.status(401).json({ error: 'invalid_token' })
  }
}
