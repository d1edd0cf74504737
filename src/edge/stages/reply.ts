import type { OutgoingHttpHeader, ServerResponse } from 'node:http'
import helmet from 'helmet'
import type { Problem } from '../../kernel/problem.ts'
import type { Answer, Incoming, Trail } from '../exchange.ts'
import { mergeHeaders } from '../forward-headers.ts'
import { challengeIn } from '../tokens/sender.ts'
import { atTurnsEnd } from '../turn-end.ts'
import { rateLimitHeaders } from './meter.ts'

/** How long a client that still sends may go on sending, unread. */
const LINGER_MS_MAX = 1_000
/** What Node's socket takes on its stack. */
const ONE_WRITE_BYTES_MAX = 14_336
const EMPTY = Buffer.alloc(0)

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

/** What the headers of every answer are made of. */
export interface EdgeHeaders {
  /** The receipt, what is left of the quotas, a nonce for the next DPoP proof, which pages may read it, and helmet's. */
  of(trail: Trail): readonly HeaderPair[]
  /** The same with the answer's own, as `writeHead` takes them: a name, its value, the next name. */
  lines(trail: Trail, headers: Answer['headers']): (string | readonly string[])[]
}

export function createEdgeHeaders(): EdgeHeaders {
  const security = helmetHeaders()
  const securityLines = security.flat()
  const securityNames = new Set(security.map(([name]) => name))

  const ofThisAnswer = ({ receipt, quotas, cors, dpopNonce }: Trail): readonly HeaderPair[] => [
    ['tidegate-receipt', receipt],
    ...rateLimitHeaders(quotas),
    ...cors,
    ...nonceHeaders(dpopNonce),
  ]
  return {
    of: (trail) => [...security, ...ofThisAnswer(trail)],
    lines(trail, headers) {
      const ours = ofThisAnswer(trail)
      const isOurs = ([name]: HeaderPair): boolean => securityNames.has(name) || ours.some(([our]) => our === name)
      if (headers.some(isOurs)) return mergeHeaders(security, ours, headers).flat()
      const lines: (string | readonly string[])[] = securityLines.slice() // most answers say nothing that we say too
      for (const [name, value] of ours) lines.push(name, value)
      for (const [name, value] of headers) lines.push(name, value)
      return lines
    },
  }
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

/**
 * Writes the answer, unless the streaming forwarder has. What is left unread of the request is not waited for. All headers go
 * to Node in one list: setting them one by one costs more than a policy decision.
 */
export function createReply(edgeHeaders: EdgeHeaders) {
  return function reply({ request, response }: Incoming, trail: Trail, { status, headers, body }: Answer): void {
    if (body === 'streamed' || response.destroyed) return
    const lines = edgeHeaders.lines(trail, headers)
    const unread = !request.complete && !request.readableEnded && hasBody(request.headers)
    // The rest must not be taken for the next request. `turns.ts` looks for it among the headers that were set.
    if (unread || headers.some(([name]) => name === 'connection')) response.setHeader('connection', 'close')
    const bodiless = status === 204 || status === 304 || request.method === 'HEAD'
    if (!bodiless) lines.push('content-length', String(body.length))
    response.writeHead(status, lines as OutgoingHttpHeader[])
    if (unread) linger(request, response, body)
    else atTurnsEnd(() => end(response, bodiless ? EMPTY : body))
  }
}

/** Text, byte for byte, goes out with the head in one write; a Buffer after it. */
function end(response: ServerResponse, body: Buffer): void {
  if (body.length > ONE_WRITE_BYTES_MAX) response.end(body)
  else response.end(body.toString('latin1'), 'latin1')
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
