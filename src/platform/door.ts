import type { Server } from 'node:http'
import express, { type Express, type Request, type Response } from 'express'
import { sha256 } from '../kernel/canonical-json.ts'
import type { Clock } from '../kernel/clock.ts'
import { parseIdempotencyKey } from '../kernel/idempotency-key.ts'
import { Problem } from '../kernel/problem.ts'
import { type JsonLimits, parseStrictJson } from '../kernel/strict-json.ts'
import type { ServiceName } from './database.ts'
import { DEADLINE_HEADER, readDeadlineMs } from './deadline.ts'
import { problemOfExpress } from './express-problem.ts'
import { createExpressServer } from './express-server.ts'
import type { Log } from './log.ts'
import { openApiOf } from './openapi.ts'
import { PASSPORT_HEADER, type Passport, type PassportKeys, verifyPassport } from './passport.ts'
import { type Check, checkOf } from './schema.ts'
import { streamEvents } from './server-sent-events.ts'
import { type Answer, type Call, Nothing, type ServiceRoute } from './service-route.ts'
import { readTraceContext, type TraceContext, traceIdOf } from './trace-context.ts'
import type { Tracer } from './tracing.ts'

const BODY_BYTES_MAX = 1_048_576
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD'])
const JSON_LIMITS: JsonLimits = { depthMax: 32, keysMax: 2_000 }

export type DoorOptions = {
  readonly service: ServiceName
  readonly routes: readonly ServiceRoute[]
  readonly passports: PassportKeys
  readonly clock: Clock
  readonly log: Log
  /** Null: no traces are kept. */
  readonly tracer?: Tracer | null
  /** Whether this process is to be sent anything: of several of a service it may be that one does the work. */
  readonly isReady?: () => Promise<boolean>
}

/**
 * The HTTP side of a service. Nothing is read of a call that carries no valid passport, but for `/healthz` and `/readyz`; every
 * route is checked against its schemas; whatever is thrown leaves as problem+json.
 */
export function createDoor(options: DoorOptions): Express {
  const { service, routes, tracer = null, isReady = async () => true } = options
  const app = express()
  app.set('etag', false)
  app.set('query parser', 'simple')
  app.disable('x-powered-by')
  app.get('/healthz', (_request, response) => void response.json({ service, status: 'ok' }))
  app.get('/readyz', async (_request, response) => {
    const ready = await isReady().catch(() => false)
    response.status(ready ? 200 : 503).json({ service, status: ready ? 'ready' : 'not ready' })
  })
  app.use((request, response, next) => {
    response.locals['arrivedAt'] = performance.now()
    response.locals['passport'] = checkPassport(options, request)
    next()
  })
  for (const { method, path, bodyBytesMax } of routes) {
    if (bodyBytesMax !== null) app[method](path, express.raw({ type: () => true, limit: bodyBytesMax, inflate: false }))
  }
  const readRaw = express.raw({ type: () => true, limit: BODY_BYTES_MAX, inflate: false }) // what was read is not read again
  app.use((request, response, next) => (isPlain(request) ? readPlain(request, next) : readRaw(request, response, next)))
  const document = openApiOf(service, routes)
  app.get('/openapi.json', (_request, response) => void response.json(document))
  const byPath = new Map<string, ReturnType<typeof answerWith>>()
  app.use((request, response, next) => {
    const answer = byPath.get(`${request.method} ${request.path}`)
    return answer === undefined ? next() : answer(request, response)
  })
  for (const route of routes) {
    const { method, path } = route
    const answer = tracer === null ? answerWith(route) : traced(tracer, route.operationId, answerWith(route))
    app[method](path, answer)
    if (!/[:*{]/.test(path)) byPath.set(`${method.toUpperCase()} ${path}`, answer) // the router would try one after the other
  }
  app.use(() => {
    throw new Problem('route_not_found')
  })
  app.use((thrown: unknown, request: Request, response: Response, _next: express.NextFunction) => {
    refuse(options.log, thrown, request, response)
  })
  return app
}

/** Listens, until `closeServer`. */
export function listenDoor(app: Express, host: string, port: number): Promise<Server> {
  const server = createExpressServer(app, { keepAliveTimeout: 60_000, requestTimeout: 60_000 })
  return new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(port, host, () => done(server))
  })
}

function checkPassport({ passports, clock, service }: DoorOptions, request: Request): Passport {
  const { method, originalUrl: target, headers } = request
  const header = headers[PASSPORT_HEADER]
  const parsed = parseIdempotencyKey(headers['idempotency-key'])
  const idempotencyKey = parsed.kind === 'key' ? parsed.key : null // a malformed one is nobody's: the service refuses it
  const passport =
    typeof header === 'string'
      ? verifyPassport(passports, clock, service, { method, target, idempotencyKey, header })
      : null
  if (passport === null) throw new Problem('invalid_passport')
  return passport
}

function answerWith(route: ServiceRoute) {
  const checks = {
    params: checkOf(route.params),
    query: checkOf(route.query),
    body: route.readsRawBody ? null : checkOf(route.body ?? Nothing),
  }
  return async (request: Request, response: Response): Promise<void> => {
    const passport = response.locals['passport'] as Passport
    const rawBody = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    if (sha256(rawBody) !== passport.bodySha256) throw new Problem('invalid_passport')
    if (!route.callers.includes(passport.principal.kind)) throw new Problem('not_found')
    const signal = awaitedUntil(request, response)
    const call: Call = {
      passport,
      params: checked(checks.params, request.params, 'path'),
      query: checked(checks.query, request.query, 'query'),
      body: checks.body === null ? undefined : checked(checks.body, jsonOf(rawBody), 'body'),
      rawBody,
      headers: request.headers,
      signal,
    }
    await send(await route.run(call), response, signal)
  }
}

/**
 * Aborted when nobody waits for the answer any more: the caller hung up, or its deadline is over.
 * @throws Problem `overloaded` when it is over already; nothing was done
 */
function awaitedUntil(request: Request, response: Response): AbortSignal {
  const nobodyWaits = new AbortController()
  const deadlineMs = readDeadlineMs(request.headers[DEADLINE_HEADER])
  if (deadlineMs === null) {
    response.once('close', () => response.writableFinished || nobodyWaits.abort())
    return nobodyWaits.signal
  }
  const leftMs = deadlineMs - (performance.now() - (response.locals['arrivedAt'] as number))
  if (leftMs <= 0) throw new Problem('overloaded', { detail: 'nobody waits for the answer any more; nothing was done' })
  const timer = setTimeout(() => nobodyWaits.abort(), leftMs)
  response.once('close', () => {
    clearTimeout(timer)
    if (!response.writableFinished) nobodyWaits.abort() // what was answered whole has nobody to stop
  })
  return nobodyWaits.signal
}

/** Goes on with a caller's trace. Calls without one, the feeds' above all, begin none. */
function traced(tracer: Tracer, name: string, answer: ReturnType<typeof answerWith>): typeof answer {
  return (request, response) => {
    const caller = callersTrace(request)
    if (caller === null) return answer(request, response)
    const span = tracer.receive(name, caller)
    response.once('close', () => {
      const { receipt } = response.locals['passport'] as Passport
      span.tell({ 'http.response.status_code': response.statusCode, 'tidegate.receipt': receipt })
      span.end(response.statusCode >= 500)
    })
    return tracer.within(span, () => answer(request, response))
  }
}

function callersTrace({ headers }: Request): TraceContext | null {
  return readTraceContext(headers['traceparent'], headers['tracestate'])
}

/** Of a length that is known and small enough, as all that the edge sends is, and as it is; not read yet. */
function isPlain({ headers, body }: Request): boolean {
  const { 'content-length': length, 'content-encoding': encoding } = headers
  return body === undefined && encoding === undefined && length !== undefined && Number(length) <= BODY_BYTES_MAX
}

/** The parser of HTTP has seen to its length. */
function readPlain(request: Request, next: express.NextFunction): void {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.once('end', () => {
    request.body = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
    next()
  })
  request.once('error', (cause) => next(new Problem('malformed_request', { cause })))
}

/** No body says as much as an empty object; the schema tells whether that is enough. */
function jsonOf(rawBody: Buffer): unknown {
  if (rawBody.length === 0) return {}
  const parsed = parseStrictJson(rawBody, JSON_LIMITS)
  if ('kind' in parsed) throw new Problem('invalid_json', { detail: parsed.detail })
  return parsed.value
}

function checked<T>(check: Check<T>, value: unknown, where: string): T {
  const result = check(value)
  if (result.ok) return result.value
  const [first] = result.faults
  throw new Problem('validation_failed', {
    detail: `${where}${first?.pointer ?? ''}: ${first?.detail ?? 'is not acceptable'}`,
    errors: result.faults,
  })
}

async function send(answer: Answer, response: Response, signal: AbortSignal): Promise<void> {
  response.status(answer.status)
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value)
  if (answer.events !== undefined) await streamEvents(answer.events, response, signal)
  else if (answer.body === undefined) response.end()
  else if (READS.has(response.req.method)) {
    response.json(answer.body) // which may be 304
  } else {
    const body = JSON.stringify(answer.body)
    response.setHeader('content-type', 'application/json; charset=utf-8')
    response.setHeader('content-length', Buffer.byteLength(body))
    response.end(body)
  }
}

function refuse(log: Log, thrown: unknown, request: Request, response: Response): void {
  const problem = ofReading(request, problemOfExpress(thrown))
  const receipt = (response.locals['passport'] as Passport | undefined)?.receipt ?? undefined
  if (problem.status >= 500) {
    const caller = callersTrace(request)
    const trace = caller === null ? undefined : traceIdOf(caller)
    log.error({ err: problem.extras.cause ?? problem, path: request.path, receipt, trace }, problem.code)
  }
  if (response.headersSent) {
    response.destroy() // part of an answer is out: cutting it is the only honest end
    return
  }
  for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value)
  response.status(problem.status).type('application/problem+json').json(problem.toBody(receipt))
}

/** Who only reads has done nothing, confirmed or not. */
function ofReading({ method }: Request, problem: Problem): Problem {
  if (method !== 'GET' || problem.code !== 'outcome_unknown') return problem
  return new Problem('dependency_unavailable', { detail: 'the database is away', cause: problem })
}
