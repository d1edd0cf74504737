import type { IncomingMessage, OutgoingHttpHeader, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Problem } from '../kernel/problem.ts'
import {
  type AnswerHead,
  type Incoming,
  isBodiless,
  type NodeExchange,
  ONE_WRITE_BYTES_MAX,
  type Upgrade,
} from './incoming.ts'
import { atTurnsEnd } from './turn-end.ts'

/** How long a client that still sends may go on sending, unread. */
const LINGER_MS_MAX = 1_000
const EMPTY = Buffer.alloc(0)

/** A request that Node has read, of which the body may be still to come. */
export class NodeIncoming implements Incoming {
  readonly node: NodeExchange
  readonly upgrade: Upgrade | null

  constructor(request: IncomingMessage, response: ServerResponse, upgrade: Upgrade | null = null) {
    this.node = { request, response }
    this.upgrade = upgrade
  }

  get method(): string {
    return this.node.request.method ?? ''
  }

  get target(): string {
    return this.node.request.url ?? ''
  }

  get httpVersion(): string {
    return this.node.request.httpVersion
  }

  /** Node drops header lines beyond a limit in silence; the raw list holds all that arrived. */
  get headerLines(): readonly string[] {
    return this.node.request.rawHeaders
  }

  get socket(): Socket {
    return this.node.request.socket
  }

  /**
   * A client that hangs up half-way is a 400 that nobody reads, and a receipt. By events: an asynchronous iterator takes
   * several promises for a body that mostly comes in one piece.
   */
  readBody(bytesMax: number): Promise<Buffer> {
    const { request, response } = this.node
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw bodyTooLarge(bytesMax)
    const awaited = request.headers.expect?.toLowerCase() === '100-continue' && request.httpVersion !== '1.0'
    if (awaited) response.writeContinue() // only now: head and rules have been passed
    return new Promise((done, fail) => {
      const chunks: Buffer[] = []
      let bytes = 0
      const take = (chunk: Buffer): void => {
        bytes += chunk.length
        chunks.push(chunk)
        if (bytes <= bytesMax) return
        request.off('data', take).pause() // what is still to come is `answer`'s to let go by
        fail(bodyTooLarge(bytesMax))
      }
      const cut = (cause?: Error): void => {
        const headers = { connection: 'close' }
        fail(new Problem('malformed_request', { detail: 'the body did not arrive whole', cause, headers }))
      }
      const end = (): void => {
        request.off('close', cut)
        done(whole(chunks))
      }
      if (request.destroyed)
        cut() // while others were asked; its `close` has been
      else request.on('data', take).once('end', end).once('error', cut).once('close', cut)
    })
  }

  /**
   * What is left unread of the request is not waited for. All headers go to Node in one list: setting them one by one costs
   * more than a policy decision.
   */
  answer({ status, usual, lines, closes }: AnswerHead, body: Buffer): void {
    const { request, response } = this.node
    if (response.destroyed) return
    const unread = !request.complete && !request.readableEnded && hasBody(request.headers)
    // The rest must not be taken for the next request. `turns.ts` looks for it among the headers that were set.
    if (unread || closes) response.setHeader('connection', 'close')
    const bodiless = isBodiless(status, this.method)
    const all: OutgoingHttpHeader[] = [...usual.lines, ...(lines.flat() as OutgoingHttpHeader[])]
    if (!bodiless) all.push('content-length', String(body.length))
    response.writeHead(status, all)
    if (unread) linger(request, response, body)
    else atTurnsEnd(() => end(response, bodiless ? EMPTY : body))
  }

  abandon(): void {
    this.node.response.destroy()
  }
}

export function bodyTooLarge(bytesMax: number): Problem {
  return new Problem('body_too_large', {
    detail: `at most ${bytesMax} bytes are read`,
    headers: { connection: 'close' },
  })
}

function whole(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks)
}

/** Text, byte for byte, goes out with the head in one write; a Buffer after it. */
function end(response: ServerResponse, body: Buffer): void {
  if (body.length > ONE_WRITE_BYTES_MAX) response.end(body)
  else response.end(body.toString('latin1'), 'latin1')
}

/** Closing at once with bytes unread resets the connection, and the client may never see the answer. */
function linger(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  response.write(body)
  const end = (): void => void response.end()
  const timer = setTimeout(end, LINGER_MS_MAX)
  request.once('close', () => {
    clearTimeout(timer)
    end()
  })
  request.resume()
}

function hasBody(headers: IncomingMessage['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}
