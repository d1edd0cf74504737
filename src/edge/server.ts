import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { Problem, type ProblemCode } from '../kernel/problem.ts'
import type { EdgeLimits } from '../platform/config-schema.ts'
import type { Log } from '../platform/log.ts'
import type { TrustedProxies } from './client-address.ts'
import { type ConnectionGuard, guardConnections } from './connection.ts'
import { type DirectListenerOptions, listenDirectly } from './direct/listener.ts'
import type { Answer } from './exchange.ts'
import type { Incoming, Upgrade } from './incoming.ts'
import { NodeIncoming } from './node-incoming.ts'
import type { EdgeTls } from './tls.ts'
import { createTurns } from './turns.ts'
import type { Upgrades } from './upgrades.ts'

/** How long a refused CONNECT may stay open, to read its answer. */
const LINGER_MS_MAX = 1_000

export type EdgeServerDeps = {
  /** Takes one request through the pipeline. */
  readonly exchange: (incoming: Incoming) => Promise<void>
  readonly upgrades: Upgrades
  /** Whether a target may lead to a route whose answers are streams. */
  readonly isStreamed: (target: string) => boolean
  readonly limits: EdgeLimits
  readonly proxies: TrustedProxies
  /** Null: plain HTTP. */
  readonly tls: EdgeTls | null
  readonly refuses: ConnectionGuard['refuses']
  /** Answers, and records, what Node's parser could not read. */
  readonly refuseUnread: (problem: Problem, source: string) => Answer
  readonly log: Log
}

/** The listener, with every limit that Node leaves off or wide set to ours. */
export function createEdgeServer(deps: EdgeServerDeps): Server {
  const { upgrades, limits, proxies, tls, refuses, refuseUnread, log } = deps
  const answer = answered(deps)
  const turns = createTurns(answer, limits.requests_per_socket_max)
  const takeInTurn = (request: IncomingMessage, response: ServerResponse, upgrade: Upgrade | null): void => {
    response.on('error', (err) => log.debug({ err }, 'the client is gone'))
    turns.take(new NodeIncoming(request, response, upgrade))
  }
  const listener = (request: IncomingMessage, response: ServerResponse): void => takeInTurn(request, response, null)
  const options: ServerOptions = {
    maxHeaderSize: limits.header_bytes_max,
    headersTimeout: limits.headers_timeout_ms,
    requestTimeout: limits.request_timeout_ms,
    keepAliveTimeout: limits.keep_alive_ms,
    connectionsCheckingInterval: 1_000,
    insecureHTTPParser: false,
    optimizeEmptyRequests: true, // no stream is begun and ended where no body can come
    requireHostHeader: false, // `receive` refuses it, with a receipt
    shouldUpgradeCallback: upgrades.wants,
  }
  const direct: DirectListenerOptions = {
    limits,
    isStreamed: deps.isStreamed,
    take: answer,
    refuseSilent: (socket) => answerUnread(new Problem('request_timeout'), socket, refuseUnread),
    handedOver: turns.goOn,
  }
  const server = tls === null ? servePlain(options, listener, direct) : serveTls(options, listener, direct, tls)
  server.maxHeadersCount = 0 // Node would drop the rest in silence; `receive` counts and refuses
  server.maxConnections = limits.connections_max
  server.timeout = limits.socket_silence_ms // also for who never reads an answer
  guardConnections(server, { perAddressMax: limits.connections_per_address_max, proxies, refuses })
  server.on('checkContinue', listener) // the body is sent for once head and rules have been passed
  server.on('checkExpectation', listener)
  upgrades.serve(server, turns.isBusy, takeInTurn)
  server.on('connect', (_request, socket: Socket) => {
    // Node has let go of this socket: its errors and its end are ours to see to, or one reset ends the process.
    socket.on('error', () => socket.destroy())
    socket.setTimeout(LINGER_MS_MAX, () => socket.destroy())
    answerUnread(new Problem('not_implemented', { detail: 'CONNECT is not served' }), socket, refuseUnread)
  })
  server.on('clientError', async (error: ParserError, socket: Socket) => {
    if (await turns.mayAnswerError(socket)) answerParserError(error, socket, refuseUnread) // else an answer closes it
  })
  return server
}

function servePlain(options: ServerOptions, listener: RequestListener, direct: DirectListenerOptions): Server {
  const server = createServer(options, listener)
  listenDirectly(server, 'connection', direct)
  return server
}

function serveTls(
  options: ServerOptions,
  listener: RequestListener,
  direct: DirectListenerOptions,
  tls: EdgeTls,
): Server {
  const server = createTlsServer({ ...options, ...tls.options }, listener)
  listenDirectly(server, 'secureConnection', direct)
  tls.serve(server) // judges each connection before anyone else is told of it
  return server
}

/** Whether the exchange came to an answer. Only a bug of ours keeps it from one: then the client is left without. */
function answered({ exchange, log }: EdgeServerDeps): (incoming: Incoming) => Promise<boolean> {
  return async (incoming) => {
    try {
      await exchange(incoming)
      return true
    } catch (err) {
      log.fatal({ err }, 'an exchange ended without an answer')
      incoming.abandon()
      return false
    }
  }
}

type ParserError = Error & { readonly code?: string }

const PARSER_PROBLEMS: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
}

/** What Node's parser could not read has no request to run through the pipeline; it is answered here, and closed. */
function answerParserError(error: ParserError, socket: Socket, refuseUnread: EdgeServerDeps['refuseUnread']): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  answerUnread(
    new Problem(PARSER_PROBLEMS[error.code ?? ''] ?? 'malformed_request', { cause: error }),
    socket,
    refuseUnread,
  )
}

function answerUnread(problem: Problem, socket: Socket, refuseUnread: EdgeServerDeps['refuseUnread']): void {
  const { status, headers, body } = refuseUnread(problem, socket.remoteAddress ?? '')
  const lines = [...headers, ['content-length', String(body.length)], ['connection', 'close']]
  socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`,
  )
  socket.end(body)
}
