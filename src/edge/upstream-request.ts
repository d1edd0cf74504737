import type { IncomingHttpHeaders } from 'node:http'
import { type Dispatcher, errors } from 'undici'
import type { EndpointSet } from './upstream/endpoint-set.ts'
import type { NoAnswer, Outcome } from './upstream.ts'

export type ReceivedAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

/** What counts against an upstream; carries the outcome that the client is told. */
export class UpstreamFault extends Error {
  override readonly name = 'UpstreamFault'
  readonly outcome: Outcome<unknown>

  constructor(outcome: Outcome<unknown>, cause?: unknown) {
    super(outcome.kind, { cause })
    this.outcome = outcome
  }
}

/** The client hung up before the upstream had answered: nobody's fault. */
export class HungUp extends Error {
  override readonly name = 'HungUp'
  readonly outcome: Outcome<unknown>

  constructor(outcome: Outcome<unknown>) {
    super(outcome.kind)
    this.outcome = outcome
  }
}

const ANSWER_BYTES_MAX = 8_388_608
const TIMEOUT_CODES = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

/**
 * One request, one answer, read whole. undici calls `onRequestStart` when it has a connection and before it writes: what
 * fails earlier was never sent, what fails later may have been acted upon. @throws UpstreamFault
 */
export function sendOnce(
  endpoints: EndpointSet,
  request: Dispatcher.DispatchOptions,
  headMsMax: number,
): Promise<ReceivedAnswer> {
  const endpoint = endpoints.pick()
  endpoint.inFlight += 1
  return new Promise((done, fail) => {
    let sent = false
    let sentAt = 0
    let status = 0
    let headers: IncomingHttpHeaders = {}
    let bytes = 0
    const chunks: Buffer[] = []
    endpoint.pool.dispatch(
      { ...request, headersTimeout: headMsMax, bodyTimeout: headMsMax },
      {
        onRequestStart() {
          sent = true
          sentAt = performance.now()
        },
        onResponseStart(controller, statusCode, received) {
          if (statusCode < 200) {
            // An interim answer is not passed on; each starts undici's own deadline anew, so they could go on for ever.
            if (performance.now() - sentAt > headMsMax) controller.abort(new errors.HeadersTimeoutError())
            return
          }
          status = statusCode
          headers = received
        },
        onResponseData(controller, chunk) {
          bytes += chunk.length
          if (bytes > ANSWER_BYTES_MAX) controller.abort(new Error('the answer is larger than is passed on'))
          else chunks.push(chunk)
        },
        onResponseEnd() {
          endpoint.inFlight -= 1
          if (status < 502 || status > 504) endpoints.succeeded(endpoint)
          else endpoints.failed(endpoint)
          const answer = { status, headers, body: Buffer.concat(chunks) }
          if (status >= 500) fail(new UpstreamFault({ kind: 'answered', answer }))
          else done(answer)
        },
        onResponseError(_controller, error) {
          endpoint.inFlight -= 1
          endpoints.failed(endpoint)
          fail(new UpstreamFault(outcomeOf(error, sent), error))
        },
      },
    )
  })
}

function outcomeOf(error: Error, sent: boolean): NoAnswer {
  if (!sent) return { kind: 'not_sent', reason: 'no connection', retryAfterS: 1 }
  const code = 'code' in error ? String(error.code) : ''
  return { kind: 'lost', reason: TIMEOUT_CODES.has(code) ? 'timeout' : 'broken' }
}
