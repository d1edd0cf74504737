import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AnswerReader } from './answer-reader.ts'
import type { Attempt, Carrier } from './attempt.ts'
import { MalformedAnswer } from './malformed-answer.ts'
import { writeRequest } from './request-bytes.ts'

const CONNECT_MS_MAX = 2_000
const PROBE_MS = 60_000
/** Whoever takes connections may not wait for their first request as long as for the next one. */
const UNUSED_KEEP_MS = 1_000
/** The connection ended, and nothing else is known to be wrong. */
const ENDED_CODES = new Set(['ECONNRESET', 'EPIPE'])

/** What a connection tells whoever opened it. */
export interface Owner {
  /** Where it connects to. */
  readonly origin: URL
  /** What is read, by any of its connections, until the call that tells of it returns. */
  readonly buffer: Buffer
  readonly keeps: boolean
  /** It may carry another request, for so long. */
  free(connection: Connection, keepMs: number): void
  /** It is no more. */
  gone(connection: Connection): void
}

/**
 * A connection to an upstream, plain or TLS, with one request at a time. Whatever comes while none is under way, or behind
 * an answer, ends it: the next request would take it for its own answer (RFC 9112 section 9.2).
 */
export class Connection implements Carrier {
  /** Until when it may be used again, on the clock of `performance.now()`. */
  keptUntil = 0
  readonly #owner: Owner
  readonly #socket: Socket
  readonly #isTls: boolean
  #attempt: Attempt | null
  #reader: AnswerReader | null = null
  #isSeen = false
  #isGone = false

  /** @param attempt what it is opened for: it carries that first */
  constructor(owner: Owner, attempt: Attempt) {
    this.#owner = owner
    this.#attempt = attempt
    this.#isTls = owner.origin.protocol === 'https:'
    this.#socket = open(owner.origin, this.#isTls, {
      buffer: owner.buffer,
      callback: (length) => {
        this.#read(length)
        return true
      },
    })
    const late = setTimeout(() => this.#lose(new Error('no connection in time')), CONNECT_MS_MAX)
    this.#socket
      .once(this.#isTls ? 'secureConnect' : 'connect', () => {
        clearTimeout(late)
        const first = this.#attempt // not the parameter: these listeners would keep it for as long as the connection lives
        if (first !== null && !this.carry(first)) this.#letGo(UNUSED_KEEP_MS)
      })
      .once('end', () => this.#end())
      .on('error', (error: NodeJS.ErrnoException) => this.#lose(error, ENDED_CODES.has(error.code ?? '')))
      .once('close', () => {
        clearTimeout(late)
        this.#lose(new Error('the connection is closed'), true)
      })
  }

  /** Sends a request; false where it is not to be sent any more. */
  carry(attempt: Attempt): boolean {
    this.#attempt = attempt
    if (!attempt.sending(this)) {
      this.#attempt = null
      return false
    }
    this.#reader = new AnswerReader(attempt.method)
    this.#isSeen = false
    const { origin, keeps } = this.#owner
    writeRequest(this.#socket, origin.host, keeps && attempt.method !== 'HEAD', attempt)
    return true
  }

  /** Whether all of its requests has left; to be asked a turn after the answer, for TLS tells of it no sooner. */
  get isWritten(): boolean {
    return this.#socket.writableLength === 0
  }

  /** Nobody waits for the answer any more: it would be in the way of the next one. */
  abort(): void {
    this.#attempt = null
    this.#lose(new Error('given up'))
  }

  #read(length: number): void {
    const [attempt, reader] = [this.#attempt, this.#reader]
    if (attempt === null || reader === null) {
      this.#lose(new MalformedAnswer('bytes came that nobody had asked for'))
      return
    }
    this.#isSeen = true
    try {
      if (reader.read(this.#owner.buffer, length)) this.#finish(attempt, reader, reader.keepMs())
    } catch (error) {
      if (!(error instanceof MalformedAnswer)) throw error
      this.#lose(error)
    }
  }

  /**
   * The other side will send no more. Over TLS nobody says whether it was that side who ended (RFC 9112 section 9.8): what has no
   * other end than the connection's may be cut short by whoever stands between.
   */
  #end(): void {
    const [attempt, reader] = [this.#attempt, this.#reader]
    const isWhole = attempt !== null && reader?.end() === true
    if (isWhole && this.#isTls) this.#lose(new MalformedAnswer('over TLS no answer ends with its connection'))
    else if (isWhole) this.#finish(attempt, reader, 0)
    else this.#lose(new Error('the other side ended the connection'), true)
  }

  #finish(attempt: Attempt, reader: AnswerReader, keepMs: number): void {
    this.#attempt = null
    this.#reader = null
    this.#letGo(keepMs)
    attempt.answered(reader.answer())
  }

  #letGo(keepMs: number): void {
    if (keepMs > 0 && this.#owner.keeps) this.#owner.free(this, keepMs)
    else this.#lose(new Error('it is not kept'))
  }

  #lose(cause: Error, isEnded = false): void {
    if (this.#isGone) return
    this.#isGone = true
    const [attempt, isSent] = [this.#attempt, this.#reader !== null]
    this.#attempt = null
    this.#socket.destroy()
    this.#owner.gone(this)
    attempt?.failed(isSent ? (isEnded && !this.#isSeen ? 'unanswered' : 'broken') : 'unsent', cause)
  }
}

function open(origin: URL, isTls: boolean, onread: NonNullable<NetConnectOpts['onread']>): Socket {
  const host = origin.hostname.replace(/^\[|\]$/g, '')
  const port = Number(origin.port || (isTls ? 443 : 80))
  const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: PROBE_MS, onread }
  if (!isTls) return connect(options)
  // One request at a time and connection: what a broken one carried is known. HTTP/2 is not offered.
  return connectTls({ ...options, ALPNProtocols: ['http/1.1'], ...(isIP(host) === 0 && { servername: host }) })
}
