import type { IncomingHttpHeaders } from 'node:http'
import { type Dispatcher, errors, type Pool } from 'undici'
import { assert } from '../../kernel/assert.ts'
import { DEADLINE_HEADER } from '../../platform/deadline.ts'
import type { Trail } from '../exchange.ts'
import { atTurnsEnd, onceAllArrived } from '../turn-end.ts'
import type { NoAnswer } from '../upstream.ts'
import { type ReceivedAnswer, UpstreamFault } from '../upstream-request.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointSet } from './endpoint-set.ts'
import type { RetryBudget } from './retry-budget.ts'
import type { UnderWay } from './under-way.ts'

/**
 * When a request may be sent again. `once`: while nothing of it left. `keyed`: the service knows it by its Idempotency-Key,
 * so also while no byte of an answer was seen. `idempotent`: by its method (RFC 9110 section 9.2.2), so also after a 503.
 */
export type Repeatable = 'once' | 'keyed' | 'idempotent'

export type UpstreamRequest = {
  readonly path: string
  readonly method: Dispatcher.HttpMethod
  /** The deadline is added. */
  readonly headers: Record<string, string>
  readonly body: Buffer | null
  readonly repeatable: Repeatable
  /** For how long the answer is waited for, retries included. */
  readonly leftMs: number
  /** Where it is written down how often it was sent, and where last. */
  readonly trail: Pick<Trail, 'receipt' | 'attempts' | 'endpoint'>
}

/** What the sendings of an upstream share. */
export type SendingDeps = {
  readonly endpoints: EndpointSet
  readonly budget: RetryBudget
  readonly attemptsMax: number
  /** What is looked at for its deadline now and then, with `giveUpAfter`. */
  readonly underWay: UnderWay<Sending>
}

const ANSWER_BYTES_MAX = 8_388_608
/** The connection ended, and nothing else is known to be wrong. A time that ran out is no such thing. */
const CONNECTION_CODES = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])
const EMPTY = Buffer.alloc(0)
const BROKEN: NoAnswer = { kind: 'lost', reason: 'broken' }
const TIMED_OUT: NoAnswer = { kind: 'lost', reason: 'timeout' }

/** Sends the request to this endpoint, and where that is safe again to another; reads the answer whole. @throws UpstreamFault */
export function send(deps: SendingDeps, endpoint: Endpoint, request: UpstreamRequest): Promise<ReceivedAnswer> {
  return new Promise((done, fail) => new Sending(deps, request, done, fail).begin(endpoint))
}

/**
 * One request until its answer is there or is given up. It is undici's handler of each attempt in turn: undici calls
 * `onRequestStart` when it has a connection and before it writes, so what fails earlier was never sent.
 */
export class Sending implements Dispatcher.DispatchHandler {
  /** Among those under way. */
  place = 0
  readonly #deps: SendingDeps
  readonly #request: UpstreamRequest
  readonly #done: (answer: ReceivedAnswer) => void
  readonly #fail: (error: Error) => void
  readonly #deadline: number
  #endpoint: Endpoint | null = null
  #controller: Dispatcher.DispatchController | null = null
  #isAnswering = false
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #chunks: Buffer[] = []
  #bytes = 0
  /** An earlier attempt may have been acted upon. */
  #wasLost = false
  #isOver = false

  constructor(
    deps: SendingDeps,
    request: UpstreamRequest,
    done: (answer: ReceivedAnswer) => void,
    fail: (error: Error) => void,
  ) {
    this.#deps = deps
    this.#request = request
    this.#done = done
    this.#fail = fail
    this.#deadline = performance.now() + request.leftMs
  }

  begin(endpoint: Endpoint): void {
    this.#deps.budget.count()
    this.#deps.underWay.add(this)
    this.#attempt(endpoint, endpoint.pool, this.#request.leftMs)
  }

  /** The deadline is one for all: connecting, interim answers and a body that trickles can not move it. */
  giveUpAfter(now: number): void {
    if (now < this.#deadline) return
    const controller = this.#controller
    const endpoint = this.#leave()
    if (controller !== null) this.#deps.endpoints.failed(endpoint)
    this.#refuse(controller !== null || this.#wasLost ? TIMED_OUT : notSent('no connection became free in time'))
    controller?.abort(new errors.HeadersTimeoutError())
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isOver) controller.abort(new errors.RequestAbortedError()) // given up while it waited: nothing is written
  }

  onResponseStarted(): void {
    this.#isAnswering = true
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status // of interim answers too: the last one is none
    this.#headers = headers
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > ANSWER_BYTES_MAX) controller.abort(new Error('the answer is larger than is passed on'))
    else this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (this.#isOver) return
    const status = this.#status
    const endpoint = this.#leave()
    this.#deps.endpoints.answered(endpoint, status)
    if (status === 503 && this.#request.repeatable === 'idempotent' && this.#again('elsewhere')) return
    const [first = EMPTY] = this.#chunks
    const body = this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : first
    const answer = { status, headers: this.#headers, body }
    this.#end()
    if (status < 500) onceAllArrived(() => this.#done(answer))
    // "Nothing was done" is true of this attempt only.
    else this.#fail(new UpstreamFault(status === 503 && this.#wasLost ? BROKEN : { kind: 'answered', answer }))
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#isOver) return
    const endpoint = this.#leave()
    if (error instanceof errors.InvalidArgumentError) {
      this.#end()
      this.#fail(error) // undici took it for no request: our mistake, and nobody else's fault
      return
    }
    this.#deps.endpoints.failed(endpoint)
    if (this.#controller === null) {
      if (!this.#again('elsewhere')) this.#refuse(this.#wasLost ? BROKEN : notSent('no connection'), error)
      return
    }
    this.#wasLost = true
    const isUnseen = !this.#isAnswering && 'code' in error && CONNECTION_CODES.has(String(error.code))
    if (isUnseen && this.#request.repeatable !== 'once' && this.#again('anywhere')) return
    this.#refuse(BROKEN, error)
  }

  #attempt(endpoint: Endpoint, pool: Pool, leftMs: number): void {
    const { path, method, headers, body, trail } = this.#request
    this.#endpoint = endpoint
    this.#controller = null
    this.#isAnswering = false
    this.#chunks = []
    this.#bytes = 0
    endpoint.inFlight += 1
    trail.attempts += 1
    trail.endpoint = endpoint.name
    headers[DEADLINE_HEADER] = String(Math.max(1, Math.floor(leftMs)))
    atTurnsEnd(() => pool.dispatch({ path, method, headers, body }, this))
  }

  /** Sends it once more, on a new connection, if attempts, time, room and the budget for retries are left. */
  #again(where: 'elsewhere' | 'anywhere'): boolean {
    const { endpoints, budget, attemptsMax } = this.#deps
    const leftMs = this.#deadline - performance.now()
    if (this.#request.trail.attempts >= attemptsMax || leftMs < 1) return false
    const endpoint = endpoints.pick(this.#endpoint)
    if (endpoint.isFull || (where === 'elsewhere' && endpoint === this.#endpoint) || !budget.take()) return false
    this.#attempt(endpoint, endpoint.fresh, leftMs)
    return true
  }

  #leave(): Endpoint {
    assert(this.#endpoint !== null, 'an attempt that ends has begun')
    this.#endpoint.inFlight -= 1
    return this.#endpoint
  }

  #refuse(outcome: NoAnswer, cause?: Error): void {
    this.#end()
    this.#fail(new UpstreamFault(outcome, cause))
  }

  #end(): void {
    this.#isOver = true
    this.#deps.underWay.delete(this)
  }
}

function notSent(reason: string): NoAnswer {
  return { kind: 'not_sent', reason, retryAfterS: 1 }
}
