import type { IncomingMessage, ServerResponse } from 'node:http'
import helmet from 'helmet'
import type { Problem } from '../../kernel/problem.ts'
import type { Answer, Trail } from '../exchange.ts'
import { mergeHeaders } from '../forward-headers.ts'
import type { AnswerHead, Incoming, UsualLines } from '../incoming.ts'
import { challengeIn } from '../tokens/sender.ts'
import { rateLimitHeaders } from './meter.ts'

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
  /** The same with the answer's own, and whether its connection ends with it. */
  head(trail: Trail, status: number, headers: Answer['headers']): AnswerHead
}

const NO_LINES: UsualLines = { lines: [], text: '' }

export function createEdgeHeaders(): EdgeHeaders {
  const security = helmetHeaders()
  const securityNames = new Set(security.map(([name]) => name))
  const usual: UsualLines = {
    lines: security.flat(),
    text: security.map(([name, value]) => `${name}: ${value}\r\n`).join(''),
  }

  const ofThisAnswer = ({ receipt, quotas, cors, dpopNonce }: Trail): readonly HeaderPair[] => [
    ['tidegate-receipt', receipt],
    ...rateLimitHeaders(quotas),
    ...cors,
    ...nonceHeaders(dpopNonce),
  ]
  return {
    of: (trail) => [...security, ...ofThisAnswer(trail)],
    head(trail, status, headers) {
      const ours = ofThisAnswer(trail)
      const isOurs = ([name]: HeaderPair): boolean => securityNames.has(name) || ours.some(([our]) => our === name)
      const closes = headers.some(([name]) => name === 'connection')
      return headers.some(isOurs)
        ? { status, usual: NO_LINES, lines: mergeHeaders(security, ours, headers), closes }
        : { status, usual, lines: [...ours, ...headers], closes } // most answers say nothing that we say too
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

/** Writes the answer, unless the streaming forwarder has. */
export function createReply(edgeHeaders: EdgeHeaders) {
  return function reply(incoming: Incoming, trail: Trail, { status, headers, body }: Answer): void {
    if (body !== 'streamed') incoming.answer(edgeHeaders.head(trail, status, headers), body)
  }
}

/** Helmet decides them by its options alone, so it is asked once: a call per request costs more than a policy decision. */
function helmetHeaders(): [name: string, value: string][] {
  const pairs: [string, string][] = []
  const response = {
    setHeader: (name: string, value: string) => pairs.push([name.toLowerCase(), value]),
    removeHeader: () => {},
  }
  helmet({ contentSecurityPolicy: { directives: { 'default-src': ["'none'"] }, useDefaults: false } })(
    {} as IncomingMessage,
    response as unknown as ServerResponse,
    () => {},
  )
  return pairs
}
