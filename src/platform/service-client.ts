import { type Dispatcher, request } from 'undici'
import type { Clock } from '../kernel/clock.ts'
import { PROBLEMS, Problem, type ProblemCode } from '../kernel/problem.ts'
import type { Breaker, Permit } from './breaker.ts'
import { refusedBy } from './breaker-refusal.ts'
import type { ServiceName } from './database.ts'
import { DEADLINE_HEADER } from './deadline.ts'
import { PASSPORT_HEADER, type PassportClaims, type PassportKeys, signPassport } from './passport.ts'
import { readAtMost } from './read-at-most.ts'
import { traceHeaders } from './trace-context.ts'
import type { Tracer } from './tracing.ts'

const ANSWER_BYTES_MAX = 4_194_304

const NO_BREAKER: Permit = { kind: 'permit', good() {}, fault() {}, neither() {} }

export type ServiceCall = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Path and query. */
  readonly target: string
  readonly body?: unknown
  /** Under which the same is done once, however often it is asked for. */
  readonly idempotencyKey?: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** On whose behalf; the calling service's own when left out. */
  readonly claims?: Partial<PassportClaims>
}

export type ServiceAnswer = { readonly status: number; readonly body: unknown }

export interface ServiceClient {
  /**
   * Calls the service with a passport for exactly this request. An answer of any status is returned.
   * @throws Problem `dependency_unavailable` when no whole answer came in time; a change may or may not have been made.
   * Certainly not, where it names a breaker.
   */
  call(call: ServiceCall): Promise<ServiceAnswer>
}

/**
 * A client of one service, for the calls between services. `self` is who calls. Of several processes of the service it calls the
 * one that answered last; after no answer, or a 503, the next one, and reads at once from there. Behind a breaker, no answer and
 * a 5xx are faults of the service; not a 503, by which it says that it is busy or misses something itself.
 */
export function createServiceClient(options: ServiceClientOptions): ServiceClient {
  const { service, breaker } = options
  const [first = '', ...others] = options.origins
  const origins = [first, ...others]
  let current = 0

  async function callOne(call: ServiceCall): Promise<ServiceAnswer> {
    const { signal, claims } = call
    const permit = breaker?.enter() ?? NO_BREAKER
    if (permit.kind === 'refused') throw new Problem('dependency_unavailable', refusedBy(permit))
    const receipt = claims?.receipt ?? null
    const asked = current
    const goOn = (): void => {
      if (asked === current) current = (current + 1) % origins.length
    }
    try {
      const answer = await send(options, origins[asked] ?? first, call)
      if (answer.status < 500 || answer.status === 503) permit.good()
      else permit.fault(receipt)
      if (answer.status === 503) goOn()
      return answer
    } catch (cause) {
      if (signal?.aborted) permit.neither()
      else permit.fault(receipt)
      goOn()
      throw new Problem('dependency_unavailable', { detail: `${service} gave no answer`, cause })
    }
  }

  return {
    async call(call) {
      for (let left = call.method === 'GET' ? others.length : 0; ; left--) {
        const answer = await callOne(call).catch((error: unknown) => {
          if (left === 0 || call.signal?.aborted) throw error
          return null
        })
        if (answer !== null && (answer.status !== 503 || left === 0)) return answer
      }
    },
  }
}

type ServiceClientOptions = {
  readonly self: string
  readonly service: ServiceName
  /** Of each process of the service; one at least. */
  readonly origins: readonly string[]
  readonly passports: PassportKeys
  readonly clock: Clock
  readonly dispatcher?: Dispatcher
  /** By which a call goes on with the trace it belongs to. */
  readonly tracer?: Tracer | null
  readonly breaker?: Breaker
}

async function send(options: ServiceClientOptions, origin: string, call: ServiceCall): Promise<ServiceAnswer> {
  const { self, service, passports, clock, dispatcher, tracer = null } = options
  const { method, target, body, idempotencyKey, timeoutMs, signal, claims } = call
  const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body))
  const passport = signPassport(
    passports,
    clock,
    service,
    { method, target, body: bytes, idempotencyKey: idempotencyKey ?? null },
    { principal: { kind: 'service', id: self }, assessment: null, receipt: null, ...claims },
  )
  const context = tracer?.current() ?? null
  const deadline = AbortSignal.timeout(timeoutMs)
  const answer = await request(origin + target, {
    method,
    headers: {
      [PASSPORT_HEADER]: passport,
      [DEADLINE_HEADER]: String(timeoutMs),
      ...(context === null ? {} : traceHeaders(context)),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    body: body === undefined ? null : bytes,
    signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    ...(dispatcher === undefined ? {} : { dispatcher }),
  })
  return { status: answer.statusCode, body: await readJson(answer.body) }
}

/** The problem that a service answered with, to be passed on as it is. */
export function problemOf({ status, body }: ServiceAnswer): Problem {
  const { code, detail } = (body ?? {}) as { code?: unknown; detail?: unknown }
  const known = typeof code === 'string' && Object.hasOwn(PROBLEMS, code)
  return new Problem(known ? (code as ProblemCode) : 'upstream_failed', {
    ...(typeof detail === 'string' ? { detail } : {}),
    cause: `status ${status}`,
  })
}

async function readJson(stream: AsyncIterable<Uint8Array>): Promise<unknown> {
  const bytes = await readAtMost(stream, ANSWER_BYTES_MAX)
  return bytes.length === 0 ? null : JSON.parse(bytes.toString('utf8'))
}
