import type { IncomingMessage, ServerResponse } from 'node:http'
import { createProxyMiddleware, type RequestHandler } from 'http-proxy-middleware'
import { Problem } from '../kernel/problem.ts'
import type { Answer, Cleared } from './exchange.ts'
import { answerHeaders, requestHeaders } from './forward-headers.ts'
import type { Upstream } from './upstream.ts'

export interface StreamForwarder {
  /** Passes an answer on as it comes; resolves when its head is out. @throws Problem when there is none */
  forward(cleared: Cleared, upstream: Upstream): Promise<Answer>
}

type Pending = {
  readonly headers: Readonly<Record<string, string>>
  readonly answered: (answer: Answer) => void
  readonly failed: (problem: Problem) => void
  /** Headers that every answer of the edge carries. */
  readonly edgeHeaders: readonly (readonly [string, string | readonly string[]])[]
}

const SILENCE_MS_MAX = 60_000

/** The streaming forwarder (http-proxy-middleware), with the same headers as the other one. Streams carry no request body. */
export function createStreamForwarder(edgeHeaders: (cleared: Cleared) => Pending['edgeHeaders']): StreamForwarder {
  const pending = new WeakMap<IncomingMessage, Pending>()
  const proxies = new Map<string, RequestHandler>()

  const proxyTo = (upstream: Upstream): RequestHandler => {
    const known = proxies.get(upstream.name)
    if (known !== undefined) return known
    const proxy = createProxyMiddleware({
      target: upstream.origin,
      changeOrigin: true,
      proxyTimeout: SILENCE_MS_MAX,
      ejectPlugins: true, // its own error page and log are not ours
      selfHandleResponse: false,
      on: {
        proxyReq(outgoing, request) {
          for (const name of outgoing.getHeaderNames()) if (name !== 'host') outgoing.removeHeader(name)
          for (const [name, value] of Object.entries(pending.get(request)?.headers ?? {}))
            outgoing.setHeader(name, value)
        },
        proxyRes(answer, request) {
          const waiting = pending.get(request)
          const headers = [...answerHeaders(answer.headers), ...(waiting?.edgeHeaders ?? [])]
          // The middleware copies what is in `headers` to the client once this returns.
          answer.headers = Object.fromEntries(headers.map(([name, value]) => [name, value as string]))
          waiting?.answered({ status: answer.statusCode ?? 502, headers, body: 'streamed' })
        },
        error(error, request, response) {
          pending
            .get(request)
            ?.failed(new Problem('upstream_unavailable', { cause: error, headers: { 'retry-after': '1' } }))
          // With the head out there is nothing left to say but to cut the stream.
          if ('headersSent' in response && response.headersSent) response.destroy()
        },
      },
    })
    proxies.set(upstream.name, proxy)
    return proxy
  }

  return {
    forward(cleared, upstream) {
      if (upstream.breaker.state() === 'open') {
        throw new Problem('upstream_unavailable', {
          detail: `the breaker of ${upstream.name} is open; nothing was sent`,
          headers: { 'retry-after': '5' },
        })
      }
      return new Promise((answered, failed) => {
        const { request, response } = cleared
        const headers = requestHeaders(cleared, upstream)
        request.url = cleared.path + cleared.query // what was matched, also where the target came in absolute form
        pending.set(request, { headers, answered, failed, edgeHeaders: edgeHeaders(cleared) })
        proxyTo(upstream)(request, response as ServerResponse, (thrown) => failed(Problem.from(thrown))).catch(failed)
      })
    },
  }
}
