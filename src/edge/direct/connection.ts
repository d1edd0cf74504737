import type { Socket } from 'node:net'
import type { EdgeLimits } from '../../platform/config-schema.ts'
import { type AnswerHead, type Incoming, isBodiless, ONE_WRITE_BYTES_MAX } from '../incoming.ts'
import { steadyMs } from '../turn-clock.ts'
import { atTurnsEnd } from '../turn-end.ts'
import { headText } from './answer-head.ts'
import { DirectIncoming } from './incoming.ts'
import { type DirectRequest, readDirectRequest } from './request.ts'

/** How much longer than it is told a client's connection is kept: his next request may be on its way. */
const KEEP_LONGER_MS = 1_000

/** What a connection is told by whoever took it, and tells it. */
export interface DirectOwner {
  readonly limits: EdgeLimits
  /** Every answer says that its connection ends with it. */
  isDraining(): boolean
  /** Whether Node is to answer it, who can stream an answer. */
  isForNode(request: DirectRequest): boolean
  take(incoming: Incoming): void
  /** Says to a client who sent nothing that his time is over. */
  refuseSilent(socket: Socket): void
  /** Node has the connection from now on, with all that was read of it, once it has brought so many requests. */
  handOver(socket: Socket, requests: number): void
  /** It is no more, or not ours. */
  gone(connection: DirectConnection): void
}

type State = 'new' | 'busy' | 'idle' | 'ended'

/**
 * A client's connection, with one request at a time. What comes while one is under way waits, unread, until it is answered. The
 * first thing that is not a request in one piece, as this reads it, goes to Node with the connection.
 */
export class DirectConnection {
  readonly #owner: DirectOwner
  readonly #socket: Socket
  #state: State = 'new'
  #sinceMs = steadyMs()
  #requests = 0
  /** What came while a request was under way. */
  #behind: Buffer | null = null

  constructor(owner: DirectOwner, socket: Socket) {
    this.#owner = owner
    this.#socket = socket
    socket.on('data', this.#read).on('end', this.#end).on('error', this.#lose).on('close', this.#lose)
  }

  /** Ends what has been silent for too long: before its first request, between two, or while nothing of it goes on. */
  look(nowMs: number): void {
    const { headers_timeout_ms, keep_alive_ms, socket_silence_ms } = this.#owner.limits
    const silentMs = nowMs - this.#sinceMs
    if (this.#state === 'new' && silentMs > headers_timeout_ms) {
      this.#state = 'ended'
      this.#owner.refuseSilent(this.#socket)
    } else if (!this.#isSending()) {
      const msMax = this.#isIdle() ? keep_alive_ms + KEEP_LONGER_MS : socket_silence_ms
      if (silentMs > msMax) this.#socket.destroy()
    }
  }

  /** Who has said nothing yet waits for nothing either. */
  endIfIdle(): void {
    if (this.#state === 'new' || this.#isIdle()) this.#socket.destroy()
  }

  /** Whether it waits for the next request, with nothing of an answer still here. */
  #isIdle(): boolean {
    return this.#state === 'idle' && this.#socket.writableLength === 0
  }

  /** Whether a long answer is on its way, by the socket's own clock, which sees what the client takes of it. */
  #isSending(): boolean {
    return (this.#socket.timeout ?? 0) > 0
  }

  destroy(): void {
    this.#socket.destroy()
  }

  get socket(): Socket {
    return this.#socket
  }

  /** Writes the answer to the request that is under way, once the turn ends. */
  answer(method: string, head: AnswerHead, body: Buffer): void {
    const { limits } = this.#owner
    const closes = head.closes || this.#owner.isDraining() || this.#requests >= limits.requests_per_socket_max
    const bodiless = isBodiless(head.status, method)
    const text = headText(head, closes ? null : limits.keep_alive_ms, bodiless ? null : body.length)
    atTurnsEnd(() => this.#write(text, bodiless ? null : body, closes))
  }

  #write(head: string, body: Buffer | null, closes: boolean): void {
    const socket = this.#socket
    if (!socket.writable) return
    this.#sinceMs = steadyMs()
    const isTaken = body === null ? socket.write(head, 'latin1') : writeBoth(socket, head, body)
    if (!isTaken) socket.setTimeout(this.#owner.limits.socket_silence_ms, this.#lose)
    if (closes) {
      this.#state = 'ended'
      socket.destroySoon()
    } else if (isTaken) this.#goOn()
    else socket.once('drain', this.#taken)
  }

  readonly #taken = (): void => {
    this.#socket.setTimeout(0, this.#lose)
    this.#sinceMs = steadyMs()
    this.#goOn()
  }

  #goOn(): void {
    this.#state = 'idle'
    const behind = this.#behind
    if (behind === null) return
    this.#behind = null
    this.#socket.resume()
    this.#begin(behind)
  }

  readonly #read = (bytes: Buffer): void => {
    if (this.#state === 'ended') return // whatever stands behind an answer that closes is nobody's request (RFC 9112 section 9.3)
    if (this.#state !== 'busy') {
      this.#begin(bytes)
      return
    }
    this.#behind = bytes
    this.#socket.pause()
  }

  #begin(bytes: Buffer): void {
    const { limits } = this.#owner
    const request = readDirectRequest(bytes, limits.header_bytes_max)
    if (request === null || this.#owner.isForNode(request)) {
      this.#handOver(bytes)
      return
    }
    this.#state = 'busy'
    this.#sinceMs = steadyMs()
    this.#requests += 1
    this.#owner.take(new DirectIncoming(this, request))
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket
    socket.off('data', this.#read).off('end', this.#end).off('error', this.#lose).off('close', this.#lose)
    this.#owner.gone(this)
    socket.pause() // else nobody reads what is put back
    socket.unshift(bytes)
    this.#owner.handOver(socket, this.#requests)
    socket.resume()
  }

  /** A client that will send no more waits for no answer either, as Node has it. */
  readonly #end = (): void => void this.#socket.end()

  readonly #lose = (): void => {
    this.#socket.destroy()
    this.#owner.gone(this)
  }
}

/** Text, byte for byte, goes out with the head in one write; a longer body behind it. */
function writeBoth(socket: Socket, head: string, body: Buffer): boolean {
  if (body.length <= ONE_WRITE_BYTES_MAX) return socket.write(head + body.toString('latin1'), 'latin1')
  socket.cork()
  socket.write(head, 'latin1')
  const isTaken = socket.write(body)
  socket.uncork()
  return isTaken
}
