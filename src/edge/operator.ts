import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import express, { type NextFunction, type Request, type Response } from 'express'
import helmet from 'helmet'
import { type Clock, toRfc3339 } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import type { Listener } from '../platform/addresses.ts'
import type { ServiceName } from '../platform/database.ts'
import { problemOfExpress } from '../platform/express-problem.ts'
import type { Log } from '../platform/log.ts'
import type { Principal } from '../platform/passport.ts'
import type { ServiceClient } from '../platform/service-client.ts'
import type { PlatformBreakers } from './breaker-board.ts'
import type { DecisionLog } from './decision-log.ts'
import type { EdgeMetrics } from './edge-metrics.ts'
import { createBreakerRoutes } from './operator-breakers.ts'
import { limitRefused } from './operator-limit.ts'
import { createPolicyRoutes } from './operator-policies.ts'
import { receiptRoutes } from './operator-receipts.ts'
import { upstreamView } from './operator-upstreams.ts'
import type { PolicyStore } from './policy-store.ts'
import type { Revocations } from './revocations.ts'
import { callerOf, OPERATOR_SCOPE } from './stages/authenticate.ts'
import type { TokenVerification, TokenVerifier } from './token-verifier.ts'
import { readCredential, refused } from './tokens/credential.ts'
import type { Upstream } from './upstream.ts'

export type OperatorDeps = {
  readonly log: Log
  /** Each part of this process, and whether it can serve now. */
  readonly parts: Readonly<Record<string, () => Promise<boolean>>>
  /** Aborted once nobody should send this process more. */
  readonly draining: AbortSignal
  /** Null in a process without an edge. */
  readonly edge: {
    readonly metrics: EdgeMetrics
    readonly breakers: PlatformBreakers
    readonly upstreams: readonly Upstream[]
    readonly policies: PolicyStore
    readonly decisions: DecisionLog
    readonly allowedSample: number
    readonly clock: Clock
    readonly tokens: TokenVerifier
    readonly issuers: TokenVerification['issuers']
    readonly revocations: Revocations
    readonly service: (name: ServiceName) => ServiceClient
  } | null
  /** The credential that `start` leaves in the data directory, for the commands on this machine. */
  readonly localCredential: string
}

const BODY_BYTES_MAX = 65_536
const CALL_TIMEOUT_MS = 10_000
const LOCAL_OPERATOR: Principal = { kind: 'operator', id: 'op_local', scopes: [OPERATOR_SCOPE] }

/** The operator's listener: probes and metrics for everyone who reaches it, the rest for holders of the scope `operator`. */
export function createOperatorApp(deps: OperatorDeps): express.Express {
  const app = express()
  app.set('etag', false)
  app.use(helmet())
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }))
  app.get('/readyz', async (_request, response) => {
    const parts = await readiness(deps)
    const ready = Object.values(parts).every((state) => state === 'ready')
    const policies = deps.edge?.policies.status() ?? null
    const revocations = deps.edge?.revocations.state() ?? null // stale: the rest is served, so the edge stays ready
    response.status(ready ? 200 : 503).json({ parts, policies, revocations })
  })
  app.get('/metrics', async (_request, response) => {
    response.type('text/plain; version=0.0.4').send((await deps.edge?.metrics.text()) ?? '')
  })
  const localAuthorization = `Bearer ${deps.localCredential}`
  app.use(limitRefused(({ headers }) => isSame(headers.authorization ?? '', localAuthorization)))
  app.use(async (request, response, next) => {
    response.locals['principal'] = await operatorOf(deps, request.headers.authorization)
    next()
  })
  app.use(express.json({ limit: BODY_BYTES_MAX }))
  const { edge } = deps
  if (edge !== null) {
    // A vote lets money go, a word on a breaker stops it: as on a route of money, not by a token that may have been taken back.
    app.use(async (request, response, next) => {
      const changes = request.method !== 'GET' && request.method !== 'HEAD'
      if (changes && response.locals['principal'] !== LOCAL_OPERATOR && !(await edge.revocations.isFresh())) {
        throw new Problem('dependency_unavailable', { detail: 'which tokens were revoked is not known' })
      }
      next()
    })
    app.use('/v1/policies', createPolicyRoutes(edge.policies))
    app.use('/v1/breakers', createBreakerRoutes(edge.breakers, edge.clock, passTo))
    app.get('/v1/upstreams', (_request, response) => {
      response.json({ items: edge.upstreams.map((upstream) => upstreamView(upstream, edge.clock)), next: null })
    })
    app.get('/v1/issuers', (_request, response) => {
      const items = edge.issuers().map(issuerView)
      response.json({ items, next: null })
    })
    app.use(receiptRoutes(edge.decisions, edge.allowedSample, edge.clock))
    app.all('/v1/cases{/*path}', passTo(edge.service('risk')))
    app.all('/v1/assessments{/*path}', passTo(edge.service('risk')))
    app.get('/v1/budgets', passTo(edge.service('risk')))
    for (const follower of FOLLOWERS) {
      app.all(`/v1/dead-letters/${follower}{/*path}`, passTo(edge.service(follower)))
    }
    app.all('/v1/ledger{/*path}', passTo(edge.service('cash-flow')))
    app.all('/v1/revocations{/*path}', passTo(edge.service('membership')))
  }
  app.use(() => {
    throw new Problem('route_not_found')
  })
  app.use((thrown: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const problem = problemOfExpress(thrown)
    if (problem.status >= 500) deps.log.error({ err: problem.cause ?? problem }, problem.code)
    for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value)
    response.status(problem.status).type('application/problem+json').json(problem.toBody())
  })
  return app
}

export function listenOperator(app: express.Express, { host, port }: Listener): Promise<Server> {
  const server = createServer(app)
  return new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(port, host, () => done(server))
  })
}

type Readiness = 'ready' | 'not ready' | 'draining'

async function readiness({
  parts,
  draining,
}: Pick<OperatorDeps, 'parts' | 'draining'>): Promise<Record<string, Readiness>> {
  const states = Object.entries(parts).map(async ([name, canServe]) => {
    const ready = await canServe().catch(() => false)
    return [name, !ready ? 'not ready' : draining.aborted ? 'draining' : 'ready'] as const
  })
  return Object.fromEntries(await Promise.all(states))
}

async function operatorOf(
  { edge, localCredential }: OperatorDeps,
  authorization: string | undefined,
): Promise<Principal> {
  const { scheme, token } = readCredential(authorization)
  if (isSame(token, localCredential)) return LOCAL_OPERATOR
  if (edge === null) throw new Problem('invalid_token')
  const verified = await edge.tokens.verify(token)
  const { keyThumbprint, certificateThumbprint } = verified.confirmation
  if (scheme !== 'Bearer' || keyThumbprint !== null || certificateThumbprint !== null) {
    throw refused('a bound token is of no use here: this listener does not look at proofs')
  }
  const { principal } = callerOf(verified)
  if (principal.kind !== 'operator') {
    throw new Problem('insufficient_scope', { detail: `the operator API asks for the scope ${OPERATOR_SCOPE}` })
  }
  return principal
}

/** Hashed first: equal lengths, and no timing that tells how much was right. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

function issuerView({ fetchedAt, ...state }: ReturnType<TokenVerification['issuers']>[number]): object {
  return { ...state, fetchedAt: fetchedAt === null ? null : toRfc3339(fetchedAt) }
}

/** Services that take in what others tell, and keep what they could not. */
const FOLLOWERS = ['membership', 'cash-flow', 'risk', 'settlement'] as const

const METHODS_PASSED = ['GET', 'POST', 'DELETE'] as const

/** Hands a call to a service as the operator who made it. */
function passTo(client: ServiceClient) {
  return async (request: Request, response: Response): Promise<void> => {
    const method = METHODS_PASSED.find((each) => each === request.method.replace('HEAD', 'GET'))
    if (method === undefined) {
      throw new Problem('method_not_allowed', { headers: { allow: METHODS_PASSED.join(', ') } })
    }
    const answer = await client.call({
      method,
      target: request.originalUrl,
      ...(method === 'POST' ? { body: request.body as unknown } : {}),
      timeoutMs: CALL_TIMEOUT_MS,
      claims: { principal: response.locals['principal'] as Principal },
    })
    response.status(answer.status)
    if (answer.body === null) response.end()
    else response.json(answer.body)
  }
}
