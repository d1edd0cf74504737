import { Pool } from 'undici'
import { inOnePiece } from '../../kernel/one-piece.ts'

const CONNECT_DEADLINE_MS = 2_000
/** How long a connection is kept for the next request where the other side does not say how long it keeps it. */
const KEEP_ALIVE_MS = 4_000
/** How much earlier than it says (`Keep-Alive: timeout=`) a connection is given up, lest a request meet its end on the way. */
const KEEP_ALIVE_EARLIER_MS = 2_000
const KEEP_ALIVE_MS_MAX = 60_000

/** One address of an upstream: its connections, and how it has fared. Its set tells what follows from that. */
export class Endpoint {
  readonly origin: string
  /** Host and port, as in the configuration: a label of metrics and receipts. */
  readonly name: string
  readonly connectionsMax: number
  readonly pendingMax: number
  readonly pool: Pool
  /** A new connection for each request, so that what met a connection's end does not meet another's. */
  readonly fresh: Pool
  /** Requests in the pools, sent or waiting for a connection. */
  inFlight = 0
  /** Streams, which have connections of their own. */
  streams = 0
  /** As the last health checks saw it. */
  healthy = true
  /** Gateway failures in a row. */
  failures = 0
  /** On the clock of `performance.now()`; null while it takes requests. */
  ejectedUntil: number | null = null
  returnedAt = Number.NEGATIVE_INFINITY
  /** Ejections since it was last well for long. */
  ejectionsInRow = 0
  ejections = 0
  /** Requests refused because too many waited. */
  turnedAway = 0

  constructor(origin: string, connectionsMax: number, pendingMax: number) {
    this.origin = origin
    this.name = inOnePiece(new URL(origin).host)
    this.connectionsMax = connectionsMax
    this.pendingMax = pendingMax
    const options: Pool.Options = {
      connections: connectionsMax,
      connect: { timeout: CONNECT_DEADLINE_MS },
      headersTimeout: 0, // whoever sends looks at the deadline of the whole
      bodyTimeout: 0,
      allowH2: false, // one request at a time and connection: what a broken one carried is known
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveTimeoutThreshold: KEEP_ALIVE_EARLIER_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS_MAX,
    }
    this.pool = new Pool(origin, options)
    this.fresh = new Pool(origin, { ...options, pipelining: 0 })
  }

  /** What a choice between two goes by. */
  get load(): number {
    return this.inFlight + this.streams
  }

  /** Requests that wait for a connection. */
  get pending(): number {
    return Math.max(0, this.inFlight - this.connectionsMax)
  }

  /** Whether one more would wait beyond the limit. */
  get isFull(): boolean {
    return this.inFlight >= this.connectionsMax + this.pendingMax
  }

  async close(): Promise<void> {
    await Promise.all([this.pool.close(), this.fresh.close()])
  }
}
