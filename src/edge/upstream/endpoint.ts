import { inOnePiece } from '../../kernel/one-piece.ts'
import { ConnectionPool } from './http1/connection-pool.ts'

/** One address of an upstream: its connections, and how it has fared. Its set tells what follows from that. */
export class Endpoint {
  readonly origin: string
  /** Host and port, as in the configuration: a label of metrics and receipts. */
  readonly name: string
  readonly connectionsMax: number
  readonly pendingMax: number
  readonly pool: ConnectionPool
  /** A new connection for each request, so that what met a connection's end does not meet another's. */
  readonly fresh: ConnectionPool
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
    this.pool = new ConnectionPool(origin, { connectionsMax, keeps: true })
    this.fresh = new ConnectionPool(origin, { connectionsMax, keeps: false })
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
