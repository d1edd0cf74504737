import { assert } from '../../kernel/assert.ts'
import { DEADLINE_HEADER } from '../../platform/deadline.ts'
import type { Trail } from '../exchange.ts'
import { steadyMs } from '../turn-clock.ts'
import { onceAllArrived } from '../turn-end.ts'
import type { NoAnswer } from '../upstream.ts'
import { UpstreamFault } from '../upstream-request.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointSet } from './endpoint-set.ts'
import type { ReceivedAnswer } from './http1/answer-reader.ts'
import type { Attempt, Carrier, Failure } from './http1/attempt.ts'
import type { ConnectionPool } from './http1/connection-pool.ts'
import { checkPath, fieldLines } from './http1/request-bytes.ts'
import type { RetryBudget } from './retry-budget.ts'
import type { UnderWay } from './under-way.ts'

/**
 * When a request may be sent again. `once`: while nothing of it left. `keyed`: the service knows it by its Idempotency-Key,
 * so also while no byte of an answer was seen. `idempotent`: by its method (RFC 9110 section 9.2.2), so also after a 503.
 */
export type Repeatable = 'once' | 'keyed' | 'idempotent'

export type UpstreamRequest = {
  readonly path: string
  readonly method: string
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

const BROKEN: NoAnswer = { kind: 'lost', reason: 'broken' }
const TIMED_OUT: NoAnswer = { kind: 'lost', reason: 'timeout' }

/** Who is told how a call ended: by one of the two, once. */
export type Ended<T> = { answered(answer: T): void; failed(error: unknown): void }

/**
 * Sends the request to this endpoint, and where that is safe again to another; reads the answer whole, or fails with an
 * UpstreamFault. Told and not promised: what passes it on makes a promise anyway. @throws AssertionError for our own mistake
 */
export function send(
  deps: SendingDeps,
  endpoint: Endpoint,
  request: UpstreamRequest,
  ended: Ended<ReceivedAnswer>,
): void {
  new Sending(deps, request, ended).begin(endpoint)
}

/** One request until its answer is there or is given up; it is each of its attempts in turn. */
export class Sending implements Attempt {
  /** Among those under way. */
  place = 0
  readonly method: string
  readonly path: string
  readonly body: Buffer | null
  lines = ''
  readonly #deps: SendingDeps
  readonly #request: UpstreamRequest
  readonly #ended: Ended<ReceivedAnswer>
  readonly #deadline: number
  readonly #lines: string
  #endpoint: Endpoint | null = null
  /** What carries the present attempt, once it is sent. */
  #carrier: Carrier | null = null
  /** An earlier attempt may have been acted upon. */
  #wasLost = false
  isOver = false

  constructor(deps: SendingDeps, request: UpstreamRequest, ended: Ended<ReceivedAnswer>) {
    this.#deps = deps
    this.#request = request
    this.#ended = ended
    this.#deadline = steadyMs() + request.leftMs
    this.method = request.method
    this.path = request.path
    this.body = request.body
    checkPath(request.path)
    this.#lines = fieldLines(request.headers)
  }

  begin(endpoint: Endpoint): void {
    this.#deps.budget.count()
    this.#deps.underWay.add(this)
    this.#attempt(endpoint, endpoint.pool, this.#request.leftMs)
  }

  /** The deadline is one for all: connecting, interim answers and a body that trickles can not move it. */
  giveUpAfter(now: number): void {
    if (now < this.#deadline) return
    const carrier = this.#carrier
    const endpoint = this.#leave()
    if (carrier !== null) this.#deps.endpoints.failed(endpoint)
    this.#refuse(carrier !== null || this.#wasLost ? TIMED_OUT : notSent('no connection became free in time'))
    carrier?.abort()
  }

  sending(carrier: Carrier): boolean {
    if (this.isOver) return false // given up while it waited
    this.#carrier = carrier
    return true
  }

  answered(answer: ReceivedAnswer): void {
    const { status } = answer
    const endpoint = this.#leave()
    this.#deps.endpoints.answered(endpoint, status)
    if (status === 503 && this.#request.repeatable === 'idempotent' && this.#again('elsewhere')) return
    this.#end()
    if (status < 500) onceAllArrived(() => this.#ended.answered(answer))
    // "Nothing was done" is true of this attempt only.
    else this.#ended.failed(new UpstreamFault(status === 503 && this.#wasLost ? BROKEN : { kind: 'answered', answer }))
  }

  failed(failure: Failure, cause: Error): void {
    if (this.isOver) return
    this.#deps.endpoints.failed(this.#leave())
    if (failure === 'unsent') {
      if (!this.#again('elsewhere')) this.#refuse(this.#wasLost ? BROKEN : notSent('no connection'), cause)
      return
    }
    this.#wasLost = true
    if (failure === 'unanswered' && this.#request.repeatable !== 'once' && this.#again('anywhere')) return
    this.#refuse(BROKEN, cause)
  }

  #attempt(endpoint: Endpoint, pool: ConnectionPool, leftMs: number): void {
    const { trail } = this.#request
    this.#endpoint = endpoint
    this.#carrier = null
    endpoint.inFlight += 1
    trail.attempts += 1
    trail.endpoint = endpoint.name
    this.lines = `${this.#lines}${DEADLINE_HEADER}: ${Math.max(1, Math.floor(leftMs))}\r\n`
    pool.send(this)
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
    this.#ended.failed(new UpstreamFault(outcome, cause))
  }

  #end(): void {
    this.isOver = true
    this.#deps.underWay.delete(this)
  }
}

function notSent(reason: string): NoAnswer {
  return { kind: 'not_sent', reason, retryAfterS: 1 }
}
