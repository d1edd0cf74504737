import type { Attempt } from './attempt.ts'
import { Connection, type Owner } from './connection.ts'

/** What is read at once, as Node reads. */
const READ_BYTES = 65_536

/**
 * The connections to one origin. Requests are sent in their order, each over the connection that was used last: the others may
 * rest until they are let go, and the shorter one has rested the less likely is its end on the way.
 *
 * A turn of the event loop first reads what has arrived, then sends. So before a connection is used again it was looked at once
 * more since its last answer was whole: bytes behind that, or its end, have been found by then if they were there.
 */
export class ConnectionPool implements Owner {
  readonly origin: URL
  readonly keeps: boolean
  readonly #connectionsMax: number
  readonly #waiting: Attempt[] = []
  /** The one that was used last at the end. */
  #idle: Connection[] = []
  /** Free since this turn, and for how long from its end on. */
  #resting: { readonly connection: Connection; readonly keepMs: number }[] = []
  #open = 0
  #isTurnAsked = false
  readonly #closed = Promise.withResolvers<void>()
  #isClosing = false
  #buffer: Buffer | null = null

  /** @param options.keeps whether a connection carries more than one request */
  constructor(origin: string, options: { readonly connectionsMax: number; readonly keeps: boolean }) {
    this.origin = new URL(origin)
    this.#connectionsMax = options.connectionsMax
    this.keeps = options.keeps
  }

  get buffer(): Buffer {
    this.#buffer ??= Buffer.allocUnsafeSlow(READ_BYTES)
    return this.#buffer
  }

  /** Sends it once there is a connection for it. Nothing here throws. */
  send(attempt: Attempt): void {
    if (this.#isClosing) {
      attempt.failed('unsent', new Error('the pool is closed'))
      return
    }
    this.#waiting.push(attempt)
    this.#askTurn()
  }

  free(connection: Connection, keepMs: number): void {
    this.#resting.push({ connection, keepMs })
    this.#askTurn()
  }

  gone(connection: Connection): void {
    this.#open -= 1
    this.#idle = this.#idle.filter((each) => each !== connection)
    this.#resting = this.#resting.filter((each) => each.connection !== connection)
    this.#askTurn()
  }

  /** Lets go of what has rested for too long. To be called now and then. */
  tick(now: number): void {
    for (const connection of this.#idle) if (connection.keptUntil <= now) connection.abort()
  }

  /** Takes no more requests, and resolves when those that it has are over. */
  close(): Promise<void> {
    this.#isClosing = true
    this.#askTurn()
    return this.#closed.promise
  }

  #askTurn(): void {
    if (this.#isTurnAsked) return
    this.#isTurnAsked = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    this.#isTurnAsked = false
    const now = performance.now()
    while (this.#isWaitedFor()) {
      const connection = this.#takeIdle(now)
      if (connection === null && (this.#open >= this.#connectionsMax || this.#waiting.length <= this.#resting.length))
        break
      const attempt = this.#waiting.shift() as Attempt
      if (connection === null) this.#connect(attempt)
      else if (!connection.carry(attempt)) this.#idle.push(connection)
    }
    if (this.#resting.length > 0) {
      for (const { connection, keepMs } of this.#resting.splice(0)) {
        connection.keptUntil = now + keepMs
        if (connection.isWritten) this.#idle.push(connection)
        else connection.abort() // its answer came before all of its request was written: the rest would be another's
      }
      if (this.#waiting.length > 0) this.#askTurn()
    }
    if (this.#isClosing && this.#waiting.length === 0) this.#end()
  }

  /** Whoever was given up before his turn leaves the line. */
  #isWaitedFor(): boolean {
    while (this.#waiting[0]?.isOver === true) this.#waiting.shift()
    return this.#waiting.length > 0
  }

  #takeIdle(now: number): Connection | null {
    for (;;) {
      const connection = this.#idle.pop()
      if (connection === undefined) return null
      if (connection.keptUntil > now) return connection
      connection.abort()
    }
  }

  #connect(attempt: Attempt): void {
    this.#open += 1
    new Connection(this, attempt)
  }

  #end(): void {
    for (const connection of this.#idle) connection.abort()
    if (this.#open === 0) this.#closed.resolve()
  }
}
