import type { IncomingMessage, ServerResponse } from 'node:http'
import { createProxyMiddleware, proxyEventsPlugin, type RequestHandler } from 'http-proxy-middleware'
import { assert } from '../kernel/assert.ts'
import type { Answer, Cleared } from './exchange.ts'
import { answerHeaders, mergeHeaders, requestHeaders } from './forward-headers.ts'
import type { Ending, OpenStreams } from './open-streams.ts'
import type { Outcome, Upstream } from './upstream.ts'
import { HungUp, UpstreamFault } from './upstream-request.ts'

export interface StreamForwarder {
  /** Passes an answer on as it comes; resolves when its head is out, which `body: 'streamed'` says. */
  forward(cleared: Cleared, upstream: Upstream): Promise<Outcome<Answer>>
}

type HeaderPairs = Answer['headers']
type Pending = {
  readonly edgeHeaders: HeaderPairs
  readonly headMsMax: number
  readonly idleMsMax: number
  /** Once it has begun. */
  answer: IncomingMessage | null
  readonly answered: (answer: Answer) => void
  readonly failed: (fault: UpstreamFault | HungUp) => void
}

/** The head of an answer did not come in time, however many interim ones did. */
class HeadTimeout extends Error {}

/**
 * The streaming forwarder (http-proxy-middleware), with the breaker and the headers of the other one. Streams carry no
 * request body. `edgeHeaders` are those that every answer of the edge has.
 */
export function createStreamForwarder(
  edgeHeaders: (cleared: Cleared) => HeaderPairs,
  open: OpenStreams,
): StreamForwarder {
  const pending = new WeakMap<IncomingMessage, Pending>()
  const proxies = new Map<string, RequestHandler>()

  const proxyTo = (origin: string): RequestHandler => {
    const proxy = proxies.get(origin) ?? createProxy(origin, pending)
    proxies.set(origin, proxy)
    return proxy
  }

  return {
    forward: (cleared, upstream) =>
      upstream.stream(
        cleared,
        (endpoint) =>
          new Promise((answered, failed) => {
            const { incoming, target, route } = cleared
            assert(incoming.node !== null, 'what may be streamed is read by Node')
            const { request, response } = incoming.node
            const limits = { headMsMax: upstream.timeoutMs, idleMsMax: route.stream?.idleMs ?? 0 }
            const stream: Pending = { edgeHeaders: edgeHeaders(cleared), ...limits, answer: null, answered, failed }
            pending.set(request, stream)
            // What the middleware copies: its `proxyReq` event comes too late where the client sent Expect.
            request.headers = requestHeaders(cleared, upstream)
            request.url = target // what was matched, also where the target came in absolute form
            const forget = open.keep(cleared, (how) => end(response, stream.answer, how))
            response.once('close', () => {
              forget()
              failed(new HungUp())
            })
            proxyTo(endpoint.origin)(request, response, failed).catch(failed)
          }),
      ),
  }
}

/** A reader whose stream is over gets the end of a whole answer, and comes again with its Last-Event-ID. */
function end(response: ServerResponse, answer: IncomingMessage | null, how: Ending): void {
  if (answer === null || how === 'refused') {
    response.destroy()
    return
  }
  answer.unpipe(response)
  response.end()
}

function createProxy(target: string, pending: WeakMap<IncomingMessage, Pending>): RequestHandler {
  return createProxyMiddleware({
    target,
    changeOrigin: true,
    ejectPlugins: true, // its own error page and log are not ours
    plugins: [proxyEventsPlugin], // without it `on` is not heard
    on: {
      proxyReq(outgoing, request) {
        const waiting = pending.get(request)
        const late = setTimeout(() => outgoing.destroy(new HeadTimeout()), waiting?.headMsMax)
        for (const event of ['response', 'close']) outgoing.once(event, () => clearTimeout(late))
        // Also when it is the reader who takes nothing: then the upstream's side stands still.
        outgoing.setTimeout(waiting?.idleMsMax ?? 0, () => outgoing.destroy())
        outgoing.once('upgrade', (_answer, socket) => {
          socket.destroy() // nobody asked for it; unheard, the request would never end
          waiting?.failed(new UpstreamFault({ kind: 'lost', reason: 'broken' }))
        })
      },
      proxyRes(answer, request, response) {
        const waiting = pending.get(request)
        if (waiting !== undefined) waiting.answer = answer
        const headers = mergeHeaders(answerHeaders(Object.entries(answer.headers)), waiting?.edgeHeaders ?? [])
        // The middleware copies what is in `headers` to the client once this returns, and says keep-alive where we say nothing.
        answer.headers = Object.fromEntries(headers.map(([name, value]) => [name, value as string]))
        if (!response.shouldKeepAlive || response.getHeader('connection') === 'close')
          answer.headers.connection = 'close'
        const head: Answer = { status: answer.statusCode ?? 502, headers, body: 'streamed' }
        if (head.status < 500) waiting?.answered(head)
        else waiting?.failed(new UpstreamFault({ kind: 'answered', answer: head }))
      },
      error(error, request, response) {
        const refused = 'code' in error && error.code === 'ECONNREFUSED'
        const outcome = refused
          ? ({ kind: 'not_sent', reason: 'no connection', retryAfterS: 1 } as const)
          : ({ kind: 'lost', reason: error instanceof HeadTimeout ? 'timeout' : 'broken' } as const)
        pending.get(request)?.failed(new UpstreamFault(outcome, error))
        // With the head out there is nothing left to say but to cut the stream.
        if ('headersSent' in response && response.headersSent) response.destroy()
      },
    },
  })
}
