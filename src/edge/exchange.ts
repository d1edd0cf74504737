import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Instant } from '../kernel/clock.ts'
import type { Id } from '../kernel/id.ts'
import type { WireMoney } from '../kernel/money.ts'
import type { PassportAssessment, Principal } from '../platform/passport.ts'
import type { ReceiptRemark } from '../platform/receipt-remark.ts'
import type { Span } from '../platform/tracing.ts'
import type {
  AccessFacts,
  BodyFacts,
  Bundle,
  Considered,
  Marks,
  MatchedSign,
  OpenInspection,
  QuotaCharge,
  RequestFacts,
} from '../policy/index.ts'
import type { Counter } from './quotas/counters.ts'
import type { Route } from './route-table.ts'
import type { Slot } from './running.ts'
import type { Spending } from './spending.ts'
import type { Scheme } from './tokens/credential.ts'

/** One request with the means to answer it, as the listener hands it over. */
export interface Incoming {
  readonly method: string
  /** The request target, as it was sent. */
  readonly target: string
  /** `1.1` */
  readonly httpVersion: string
  /** As they came, in turns a name and its value. */
  readonly headerLines: readonly string[]
  readonly socket: Socket
  /** As Node has it, who alone streams answers; null where Node has not read it. */
  readonly node: NodeExchange | null
  /** Where the client wants to go on with another protocol, on a route that has one. */
  readonly upgrade: Upgrade | null
  /**
   * The body, of which no byte past the limit is read.
   * @throws Problem `body_too_large`, or `malformed_request` where it does not arrive whole
   */
  readBody(bytesMax: number): Buffer | Promise<Buffer>
  /** Sends the answer once the turn ends, or nothing where the client is gone. The body is left out where the answer has none. */
  answer(head: AnswerHead, body: Buffer): void
  /** There will be no answer: the connection ends. */
  abandon(): void
}

export type NodeExchange = { readonly request: IncomingMessage; readonly response: ServerResponse }

/** The head of an answer but for what says where it ends, and when it was sent. */
export type AnswerHead = {
  readonly status: number
  /** What nearly every answer says in the same words: in turns a name and its value, and as text. */
  readonly standing: StandingLines
  readonly lines: Answer['headers']
  /** Nothing is read behind this request. */
  readonly closes: boolean
}
export type StandingLines = { readonly lines: readonly string[]; readonly text: string }

/** Whether an answer has no body, and no length of one either, whatever is known of it (RFC 9110 sections 6.4.1 and 8.6). */
export function isBodiless(status: number, method: string): boolean {
  return status === 204 || status === 304 || method === 'HEAD'
}

/** What closes when the client's side of the exchange does: a stream, an upgraded connection. */
export function clientSide({ node, upgrade, socket }: Incoming): Socket | ServerResponse {
  return upgrade?.socket ?? node?.response ?? socket
}

/** The value of a header that was sent once, or is made one of: for who looks at a request before it is read. */
export function headerOf({ headerLines }: Pick<Incoming, 'headerLines'>, name: string): string | undefined {
  let value: string | undefined
  for (let at = 0; at < headerLines.length; at += 2) {
    if (headerLines[at]?.toLowerCase() !== name) continue
    value = value === undefined ? headerLines[at + 1] : `${value}, ${headerLines[at + 1]}`
  }
  return value
}

/** The connection itself, and what was read of it behind the request's head. */
export type Upgrade = { readonly socket: Socket; readonly head: Buffer }

/** The stages in their order; `pipeline.ts` is where they run. */
export const STAGES = [
  'receive',
  'admit',
  'route',
  'screen',
  'authenticate',
  'meter',
  'authorize',
  'validate',
  'inspect',
  'assess',
  'forward',
] as const
export type StageName = (typeof STAGES)[number]

/**
 * What is written down of an exchange for its receipt. It grows while the stages run, so that a refused request leaves as
 * much as was known when it was refused.
 */
export type Trail = {
  readonly receipt: Id<'receipt'>
  readonly startedAt: Instant
  readonly bundle: Bundle
  /** The stage that has begun last: on a refusal, the one that refused. */
  stage: StageName
  source: string
  method: string
  path: string
  route: string | null
  principal: { kind: string; id: string } | null
  /** How the token was presented; a challenge is in the same scheme. */
  scheme: Scheme
  /** For the client's next DPoP proof, where proofs need one. */
  dpopNonce: string | null
  /** As much as the rules have been shown of it. */
  facts: RequestFacts | AccessFacts | BodyFacts | null
  /** The scopes that the route asks for. */
  scopesNeeded: readonly string[]
  considered: Considered[]
  /** What rulesets matched, with what it matched: kept sealed, if at all. */
  signs: readonly MatchedSign[]
  /** What the rules so far have left on the request. */
  marks: Marks
  /** The rule that let the request pass or refused it. */
  rule: string | null
  quotas: QuotaState[]
  /** Headers that say which page may read the answer. */
  cors: Answer['headers']
  /** `unchecked`: it passed though the fraud provider did not answer; `replayed`: decided for an earlier request. */
  assessment: {
    id: string
    outcome: string
    rule: string
    unchecked: boolean
    replayed: boolean
    amount: WireMoney
    considered: readonly { rule: string; outcome: string; mode: string; effect: string }[]
  } | null
  /** For how long the client's body was waited for. */
  bodyMs: number
  upstreamMs: number | null
  /** What became of it there. */
  forwarded: Forwarded | null
  /** What the upstream wants to be found in the receipt. */
  remark: ReceiptRemark | null
  /** What is running of the exchange, where traces are kept. */
  span: Span | null
  /** How often it was sent to its upstream, and to which endpoint last. */
  attempts: number
  endpoint: string | null
}

/**
 * `answered`; `not_sent`: nothing of it left; `refused`: nor did it, by the breaker; `lost`: it left, and no answer came;
 * `unknown`: so too, or with an answer that tells nothing, and money may have moved.
 */
export type Forwarded = 'answered' | 'not_sent' | 'refused' | 'lost' | 'unknown'

/** A bucket after the request was counted. */
export type QuotaState = {
  readonly counter: Pick<Counter, 'name' | 'policy'>
  readonly remaining: number
  readonly resetMs: number
}

declare const proof: unique symbol
/** A value that only its own stage makes, so that a stage left out, or put before another, does not compile. */
export type Proof<Stage extends string> = { readonly [proof]: Stage }

/** One canonical reading of the request's head; the body has not been read. */
export type Received = {
  readonly incoming: Incoming
  readonly trail: Trail
  readonly method: string
  readonly path: string
  /** With its `?`, or empty. */
  readonly query: string
  /** Path and query, byte for byte as they are forwarded. */
  readonly target: string
  readonly host: string
  /** Scheme and authority by which this request was sent to us: `http://127.0.0.1:8080`. */
  readonly origin: string
  /** Each header once, by its lower-case name; lists joined by a comma. */
  readonly headers: ReadonlyMap<string, string>
  readonly source: { readonly ip: string }
  readonly hasBody: boolean
}
export type Admitted = Received & { readonly admission: Admission }
export type Admission = Proof<'admit'> & { readonly address: string }
export type Routed = Admitted & {
  readonly route: Route
  readonly facts: RequestFacts
  /** The method that a browser asks about; null when the request is itself. */
  readonly asked: string | null
}
export type Screened = Routed & { readonly screening: Screening }
export type Screening = Proof<'screen'> & {
  readonly rule: string
  /** The rulesets that have the body still to see. */
  readonly open: readonly OpenInspection[]
}
export type Authenticated = Screened & {
  readonly caller: Caller
  /** What access rules and quotas may read of the request. */
  readonly access: AccessFacts
}
export type Caller = Proof<'authenticate'> & {
  readonly principal: Principal
  /** The client the token was given to; empty for an anonymous caller. */
  readonly client: string
  readonly scopes: readonly string[]
  readonly claims: Readonly<Record<string, unknown>>
}
export type Metered = Authenticated & {
  readonly meter: Proof<'meter'> & { readonly amountQuotas: readonly QuotaCharge[] }
}
export type Authorized = Metered & { readonly grant: Grant }
export type Grant = Proof<'authorize'> & { readonly rule: string }
export type Validated = Authorized & { readonly payload: Payload }
export type Payload = Proof<'validate'> & {
  /** The bytes that arrived and will be forwarded. */
  readonly bytes: Buffer
  /** What they say, where the route's schema had them read. */
  readonly value: unknown
  readonly idempotencyKey: string | null
}
export type Inspected = Validated & { readonly inspection: Inspection }
export type Inspection = Proof<'inspect'>
export type Cleared = Inspected & { readonly clearance: Clearance }
export type Clearance = Proof<'assess'> & {
  readonly assessment: PassportAssessment | null
  /** The request's place among those that run on its route. */
  readonly slot: Slot
  /** What the amount was charged, where it was. */
  readonly spending: Spending | null
}

/** What `receive` read, as the record that grows: with room for all that the stages will add, so that it is made but once. */
export function begun(reading: Received): Received {
  const record: Record<keyof Cleared, unknown> = {
    incoming: reading.incoming,
    trail: reading.trail,
    method: reading.method,
    path: reading.path,
    query: reading.query,
    target: reading.target,
    host: reading.host,
    origin: reading.origin,
    headers: reading.headers,
    source: reading.source,
    hasBody: reading.hasBody,
    admission: undefined,
    route: undefined,
    facts: undefined,
    asked: undefined,
    screening: undefined,
    caller: undefined,
    access: undefined,
    meter: undefined,
    grant: undefined,
    payload: undefined,
    inspection: undefined,
    clearance: undefined,
  }
  return record as unknown as Received
}

/**
 * Adds the fact that a stage found. An exchange is one record from its first stage to its last, so that a stage costs an
 * assignment and not a copy of all that is known; what it has come to stands in its type.
 */
export function add<Known extends Received, Name extends Exclude<keyof Cleared, keyof Received>>(
  known: Known,
  name: Name,
  fact: Cleared[Name],
): Known & Pick<Cleared, Name> {
  const growing: { -readonly [Each in keyof Cleared]?: Cleared[Each] } = known
  growing[name] = fact
  return known as Known & Pick<Cleared, Name>
}

/** What goes back to the client. */
export type Answer = {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string | readonly string[]])[]
  /** `streamed`: the forwarder has already written it. */
  readonly body: Buffer | 'streamed'
}

/** Whose Idempotency-Keys a principal's are: a member's, an operator's; a public route's belong to nobody. */
export function ownerOf(principal: Principal): string {
  return principal.kind === 'anonymous' ? '' : principal.id
}
