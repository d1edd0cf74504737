import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import express, { type Express } from 'express'
import { newId } from '../kernel/id.ts'
import { Problem } from '../kernel/problem.ts'
import type { EdgeLimits } from '../platform/config-schema.ts'
import type { Log } from '../platform/log.ts'
import type { DecisionLog } from './decision-log.ts'
import type { Incoming } from './exchange.ts'
import type { Turns } from './turns.ts'

/** Express hosts one handler: the pipeline. */
export function createEdgeApp(exchange: (incoming: Incoming) => Promise<void>, turns: Turns, log: Log): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use((request, response) => {
    response.on('error', (err) => log.debug({ err }, 'the client is gone'))
    const incoming = { request, response }
    turns
      .take(incoming, () => exchange(incoming))
      .catch((err: unknown) => {
        log.fatal({ err }, 'an exchange ended without an answer')
        response.destroy()
      })
  })
  return app
}

/** The listener, with every limit that Node leaves off or wide set to ours. */
export function createEdgeServer(app: Express, turns: Turns, limits: EdgeLimits, decisions: DecisionLog): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.header_bytes_max,
      headersTimeout: limits.headers_timeout_ms,
      requestTimeout: limits.request_timeout_ms,
      keepAliveTimeout: limits.keep_alive_ms,
      connectionsCheckingInterval: 1_000,
      insecureHTTPParser: false,
      requireHostHeader: false, // `receive` refuses it, with a receipt
    },
    app,
  )
  server.maxHeadersCount = 0 // Node would drop the rest in silence; `receive` counts and refuses
  server.maxConnections = limits.connections_max
  server.maxRequestsPerSocket = limits.requests_per_socket_max
  server.on('checkContinue', app) // `validate` sends 100 once head and rules have been passed
  server.on('checkExpectation', app)
  server.on('clientError', async (error: ParserError, socket: Socket) => {
    if (await turns.mayAnswerError(socket)) answerParserError(error, socket, decisions) // else an answer closes it
  })
  return server
}

type ParserError = Error & { readonly code?: string }

/** What Node's parser could not read has no request to run through the pipeline; it is answered here, and closed. */
function answerParserError(error: ParserError, socket: Socket, decisions: DecisionLog): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const problem = new Problem(
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 'headers_too_large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'request_timeout'
        : error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW'
          ? 'body_too_large'
          : 'malformed_request',
  )
  const receipt = newId('receipt')
  const { code, status } = problem
  decisions.write({
    receipt,
    at: new Date().toISOString(),
    source: socket.remoteAddress,
    status,
    code,
    detail: error.code,
  })
  const body = JSON.stringify(problem.toBody(receipt))
  const head = [
    `HTTP/1.1 ${problem.status} Refused`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    `tidegate-receipt: ${receipt}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
