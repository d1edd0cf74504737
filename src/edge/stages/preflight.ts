import { Problem } from '../../kernel/problem.ts'
import { allowsOrigin } from '../cors.ts'
import type { Answer, Received, Screened } from '../exchange.ts'

/** The method that a browser asks about before it sends; null when the request is no preflight (Fetch, section 3.2.2). */
export function askedMethod({ method, headers }: Pick<Received, 'method' | 'headers'>): string | null {
  if (method !== 'OPTIONS' || !headers.has('origin')) return null
  return headers.get('access-control-request-method') ?? null
}

/**
 * Answers a browser's question whether a page may send a request; null when the request is no such question. It is asked
 * without a token, so it is decided before anyone is asked who sends, and it reaches no upstream. Not a middleware of Express:
 * the firewall comes first, and the route whose request is asked about says which origins it takes.
 */
export function preflight({ route, asked, headers, incoming }: Screened): Answer | null {
  const { cors, methods } = route
  if (incoming.upgrade !== null) checkPage(headers.get('origin'), cors)
  if (asked === null || cors === null) return null
  const origin = headers.get('origin') ?? ''
  if (!allowsOrigin(cors, origin)) throw denied(`pages of ${origin} may not use this route`)
  const allowed = cors.methods ?? methods
  if (!allowed.includes(asked)) throw denied(`pages may not send ${asked} here`)
  const wanted = (headers.get('access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
  const unknown = wanted.find((name) => name !== '' && !cors.headers.includes(name))
  if (unknown !== undefined) throw denied(`pages may not send the header ${unknown}`)
  return {
    status: 204,
    headers: [
      ['access-control-allow-methods', allowed.join(', ')],
      ['access-control-allow-headers', cors.headers.join(', ')],
      ['access-control-max-age', String(cors.maxAgeS)],
      ['vary', 'Access-Control-Request-Method, Access-Control-Request-Headers'],
    ],
    body: Buffer.alloc(0),
  }
}

/**
 * A browser asks nobody before it opens a WebSocket for a page, and sends what it knows of the member along (RFC 6455 section
 * 10.2): the page is told apart here. Who is no browser says no origin.
 */
function checkPage(origin: string | undefined, cors: Screened['route']['cors']): void {
  if (origin === undefined || (cors !== null && allowsOrigin(cors, origin))) return
  throw denied(`pages of ${origin} may not open a WebSocket here`)
}

function denied(detail: string): Problem {
  return new Problem('cors_denied', { detail })
}
