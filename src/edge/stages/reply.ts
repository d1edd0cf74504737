import type { ServerResponse } from 'node:http'
import helmet from 'helmet'
import type { Problem } from '../../kernel/problem.ts'
import type { Answer, Incoming, Trail } from '../exchange.ts'
import { mergeHeaders } from '../forward-headers.ts'
import { challengeIn } from '../tokens/sender.ts'
import { rateLimitHeaders } from './meter.ts'

/** How long a client that still sends may go on sending, unread. */
const LINGER_MS_MAX = 1_000

type HeaderPair = readonly [name: string, value: string | readonly string[]]

/** The answer that a refusal is: application/problem+json (RFC 9457) with the receipt in it. */
export function refuse(problem: Problem, trail: Trail): Answer {
  const headers = Object.entries(problem.headers).map(
    ([name, value]) => [name, name === 'www-authenticate' ? challengeIn(trail.scheme, value) : value] as const,
  )
  return {
    status: problem.status,
    headers: [['content-type', 'application/problem+json'], ...headers],
    body: Buffer.from(JSON.stringify(problem.toBody(trail.receipt))),
  }
}

/** Headers of every answer: the receipt, what is left of the quotas, a nonce for the next DPoP proof, and helmet's. */
export function createEdgeHeaders(): (trail: Trail) => readonly HeaderPair[] {
  const security = helmetHeaders()
  return ({ receipt, quotas, cors, dpopNonce }) => [
    ...security,
    ['tidegate-receipt', receipt],
    ...rateLimitHeaders(quotas),
    ...cors,
    ...nonceHeaders(dpopNonce),
  ]
}

/** RFC 9449 section 8.2: from a cache, the nonce would be an old one. An upstream's own Cache-Control comes later. */
function nonceHeaders(nonce: string | null): readonly HeaderPair[] {
  return nonce === null
    ? []
    : [
        ['cache-control', 'no-store'],
        ['dpop-nonce', nonce],
      ]
}

/** Writes the answer, unless the streaming forwarder has. What is left unread of the request is not waited for. */
export function createReply(edgeHeaders: (trail: Trail) => readonly HeaderPair[]) {
  return function reply({ request, response }: Incoming, trail: Trail, { status, headers, body }: Answer): void {
    if (body === 'streamed' || response.destroyed) return
    response.statusCode = status
    for (const [name, value] of mergeHeaders(edgeHeaders(trail), headers))
      response.setHeader(name, value as string | string[])
    const unread = !request.complete && !request.readableEnded && hasBody(request.headers)
    if (unread) response.setHeader('connection', 'close') // the rest must not be taken for the next request
    const bodiless = status === 204 || status === 304 || request.method === 'HEAD'
    if (!bodiless) response.setHeader('content-length', body.length)
    if (unread) linger(request, response, body)
    else response.end(bodiless ? undefined : body)
  }
}

/** Closing at once with bytes unread resets the connection, and the client may never see the answer. */
function linger(request: Incoming['request'], response: ServerResponse, body: Buffer): void {
  response.write(body)
  const end = (): void => void response.end()
  const timer = setTimeout(end, LINGER_MS_MAX)
  request.once('close', () => {
    clearTimeout(timer)
    end()
  })
  request.resume()
}

function hasBody(headers: Incoming['request']['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** Helmet decides them by its options alone, so it is asked once: a call per request costs more than a policy decision. */
function helmetHeaders(): HeaderPair[] {
  const pairs: HeaderPair[] = []
  const response = {
    setHeader: (name: string, value: string) => pairs.push([name.toLowerCase(), value]),
    removeHeader: () => {},
  }
  helmet({ contentSecurityPolicy: { directives: { 'default-src': ["'none'"] }, useDefaults: false } })(
    {} as Incoming['request'],
    response as unknown as ServerResponse,
    () => {},
  )
  return pairs
}
