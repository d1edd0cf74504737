import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { createProxyMiddleware, proxyEventsPlugin, type RequestHandler } from 'http-proxy-middleware'
import { assert } from '../kernel/assert.ts'
import { readAtMost } from '../platform/read-at-most.ts'
import type { Answer, Cleared } from './exchange.ts'
import { answerHeaders, mergeHeaders, requestHeaders } from './forward-headers.ts'
import type { Upgrade } from './incoming.ts'
import type { Ending, OpenStreams } from './open-streams.ts'
import type { Outcome, Upstream } from './upstream.ts'
import { HungUp, UpstreamFault } from './upstream-request.ts'

export interface WebSocketForwarder {
  /**
   * Turns the connection into a WebSocket if the upstream agrees: 101, `streamed`, and from then on bytes go both ways at the
   * pace of their reader. Any other answer of the upstream is passed on as such.
   */
  forward(cleared: Cleared, upgrade: Upgrade, upstream: Upstream): Promise<Outcome<Answer>>
}

type Waiting = {
  readonly cleared: Cleared
  readonly upgrade: Upgrade
  readonly headMsMax: number
  /** Once it has agreed. */
  upstream: Socket | null
  readonly answered: (answer: Answer) => void
  readonly failed: (error: unknown) => void
}

const REFUSAL_BYTES_MAX = 65_536
/** How long a close frame waits for a client who reads nothing. */
const FAREWELL_MS_MAX = 1_000
/** Close frames of a server (RFC 6455 section 5.5.1): 1001, going away; 1008, policy violation. */
const CLOSE_FRAMES: Readonly<Record<Ending, Buffer>> = {
  over: Buffer.from([0x88, 0x02, 0x03, 0xe9]),
  refused: Buffer.from([0x88, 0x02, 0x03, 0xf0]),
}

/** Upgrades go through http-proxy-middleware as streams do, with their headers, breaker and limits. */
export function createWebSocketForwarder(
  edgeHeaders: (cleared: Cleared) => Answer['headers'],
  open: OpenStreams,
): WebSocketForwarder {
  const waiting = new WeakMap<IncomingMessage, Waiting>()
  const proxies = new Map<string, RequestHandler>()

  const sent = (outgoing: ClientRequest, request: IncomingMessage): void => {
    const upgrading = waiting.get(request)
    if (upgrading === undefined) return
    const { cleared, upgrade, headMsMax, answered, failed } = upgrading
    const late = setTimeout(() => outgoing.destroy(new Error('no answer in time', { cause: 'timeout' })), headMsMax)
    const leave = (): void => void outgoing.destroy()
    upgrade.socket.once('close', leave)
    outgoing.once('close', () => {
      clearTimeout(late)
      upgrade.socket.off('close', leave)
    })
    if (upgrade.socket.destroyed) leave()
    outgoing.once('upgrade', (answer) => {
      clearTimeout(late)
      if (answer.headers.upgrade?.toLowerCase() !== 'websocket') {
        failed(lost('broken'))
        outgoing.destroy()
        return
      }
      upgrading.upstream = answer.socket
      switchOver(cleared, upgrade, answer, edgeHeaders(cleared))
      answered({ status: 101, headers: [], body: 'streamed' })
    })
    // On an error, or another answer, the library writes to the client by itself. Here that is a refusal like all others.
    queueMicrotask(() => {
      outgoing.removeAllListeners('error').on('error', (error) => failed(faultOf(error)))
      outgoing.removeAllListeners('response').once('response', (answer) => {
        wholeAnswer(answer).then(answered, (error) => failed(lost('broken', error)))
      })
    })
  }

  const proxyTo = (origin: string): RequestHandler => {
    const proxy = proxies.get(origin) ?? createProxy(origin, sent)
    proxies.set(origin, proxy)
    return proxy
  }

  return {
    forward: (cleared, upgrade, upstream) =>
      upstream.stream(
        cleared,
        (endpoint) =>
          new Promise((answered, failed) => {
            const { incoming, target } = cleared
            assert(incoming.node !== null, 'an upgrade is read by Node')
            const { request } = incoming.node
            const { socket, head } = upgrade
            const upgrading: Waiting = {
              cleared,
              upgrade,
              headMsMax: upstream.timeoutMs,
              upstream: null,
              answered,
              failed,
            }
            waiting.set(request, upgrading)
            request.headers = { ...requestHeaders(cleared, upstream), connection: 'Upgrade', upgrade: 'websocket' }
            request.url = target
            const forget = open.keep(cleared, (how) => end(socket, upgrading.upstream, how))
            socket.once('close', () => {
              forget()
              failed(new HungUp())
            })
            proxyTo(endpoint.origin).upgrade(request, socket, head)
          }),
      ),
  }
}

function createProxy(
  target: string,
  sent: (outgoing: ClientRequest, request: IncomingMessage) => void,
): RequestHandler {
  return createProxyMiddleware({
    target,
    changeOrigin: true,
    ejectPlugins: true,
    plugins: [proxyEventsPlugin],
    on: {
      proxyReqWs: (outgoing, request) => sent(outgoing, request),
      error: () => {}, // of a connection that has been switched over: the library ends the other side
    },
  })
}

/** The socket is the client's from now on, and no answer's any more. Called before the library writes the 101. */
function switchOver(
  cleared: Cleared,
  { socket }: Upgrade,
  answer: IncomingMessage,
  edgeHeaders: Answer['headers'],
): void {
  const headers = Object.fromEntries(
    mergeHeaders(answerHeaders(Object.entries(answer.headers)), edgeHeaders),
  ) as typeof answer.headers
  answer.headers = { ...headers, connection: 'Upgrade', upgrade: 'websocket' }
  cleared.incoming.node?.response.detachSocket(socket)
  const idleMs = cleared.route.stream?.idleMs ?? 0
  setImmediate(() => socket.setTimeout(idleMs, () => socket.destroy())) // the library has set none by then
  closeTogether(socket, answer.socket)
}

/**
 * Nothing goes either way any more, whether or not the client reads: one who does not could else hold on, and go on sending,
 * past the end of its token.
 */
function end(socket: Socket, upstream: Socket | null, how: Ending): void {
  if (upstream === null) {
    socket.destroy()
    return
  }
  upstream.destroy()
  socket.end(CLOSE_FRAMES[how])
  const cut = setTimeout(() => socket.destroy(), FAREWELL_MS_MAX)
  socket.once('close', () => clearTimeout(cut))
}

/** A side that is gone takes the other one along, also when it went without a word. */
function closeTogether(socket: Socket, upstream: Socket): void {
  socket.once('close', () => upstream.destroy())
  upstream.once('close', () => socket.destroySoon())
}

async function wholeAnswer(answer: IncomingMessage): Promise<Answer> {
  const body = await readAtMost(answer, REFUSAL_BYTES_MAX)
  const status = answer.statusCode ?? 502
  const whole: Answer = { status, headers: answerHeaders(Object.entries(answer.headers)), body }
  if (status >= 500) throw new UpstreamFault({ kind: 'answered', answer: whole })
  return whole
}

function faultOf(error: Error): UpstreamFault {
  if ('code' in error && error.code === 'ECONNREFUSED') {
    return new UpstreamFault({ kind: 'not_sent', reason: 'no connection', retryAfterS: 1 }, error)
  }
  return lost(error.cause === 'timeout' ? 'timeout' : 'broken', error)
}

function lost(reason: 'timeout' | 'broken', error?: unknown): UpstreamFault {
  return error instanceof UpstreamFault ? error : new UpstreamFault({ kind: 'lost', reason }, error)
}
