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
import type { Incoming } from './incoming.ts'
import type { Counter } from './quotas/counters.ts'
import type { Route } from './route-table.ts'
import type { Slot } from './running.ts'
import type { Spending } from './spending.ts'
import type { Scheme } from './tokens/credential.ts'

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
