import type { Json } from '../../kernel/canonical-json.ts'
import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'

/** What a member can be told of. */
export const EVENT_TYPES = [
  'credit_line.set',
  'deposit.posted',
  'exchange.posted',
  'export.failed',
  'export.ready',
  'operation.failed',
  'operation.held',
  'operation.succeeded',
  'transfer.held',
  'transfer.pending',
  'transfer.posted',
  'transfer.voided',
  'webhook_endpoint.disabled',
  'withdrawal.confirmed',
  'withdrawal.pending',
  'withdrawal.returned',
] as const

/** A member's key was destroyed. */
export type Erasure = { readonly at: Instant; readonly actor: string; readonly reason: string }

export const ENDPOINTS_PER_MEMBER_MAX = 10

/** Where a member is told of events. `secret` is `whsec_…`; those before it sign for a while beside it. */
export type Endpoint = {
  readonly id: string
  readonly member: string
  readonly url: string
  readonly events: readonly string[]
  readonly secret: string
  readonly createdAt: Instant
  /** Since when nothing is sent there, as nothing was taken for days; null: it is. */
  readonly disabledAt: Instant | null
}

/** Something that happened to a member; `sequence` counts the member's events from 1 without gaps. */
export type MemberEvent = {
  readonly id: string
  readonly member: string
  readonly sequence: bigint
  readonly type: string
  readonly at: Instant
  readonly data: Json
}

export type RegistrationOutcome =
  | { readonly kind: 'registered'; readonly endpoint: Endpoint }
  | { readonly kind: 'too_many' }
  | { readonly kind: 'erased' }
  | { readonly kind: 'bad_destination'; readonly fault: string }

/** Each signs a message once: more than these would make its head long. */
export const SECRETS_MAX = 4

export type RotationOutcome =
  | { readonly kind: 'rotated'; readonly endpoint: Endpoint; readonly oldUntil: Instant }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'too_many' }

export function wants(endpoint: Pick<Endpoint, 'events' | 'disabledAt'>, type: string): boolean {
  if (endpoint.disabledAt !== null) return false
  return endpoint.events.includes('*') || endpoint.events.includes(type)
}

/**
 * The text that is signed and sent. `sequence` counts the endpoint's messages, so that its receiver sees a gap; `cursor` is
 * where `GET /v1/events?after=` goes on from.
 */
export function messageOf(event: Omit<MemberEvent, 'member' | 'id'>, sequence: bigint): string {
  return JSON.stringify({
    type: event.type,
    timestamp: toRfc3339(event.at),
    sequence: Number(sequence),
    cursor: event.sequence.toString(),
    data: event.data,
  })
}

/** What is taken back: one token by its `jti`, or all that a subject was issued until then. The other is null. */
export type Revoked = { readonly jti: string | null; readonly sub: string | null }

/** Tokens taken back before they expire, and by whom. */
export type Revocation = Revoked & {
  readonly id: Id<'revocation'>
  readonly reason: string
  readonly actor: string
  /** A subject's tokens issued after it are good. */
  readonly at: Instant
  /** When it lapses by itself. */
  readonly until: Instant
  readonly lifted: { readonly actor: string; readonly at: Instant } | null
}

export type RevocationOutcome =
  | { readonly kind: 'revoked'; readonly revocation: Revocation }
  | { readonly kind: 'too_many' }
  /** It would end before it began. */
  | { readonly kind: 'over' }

/** What the edges need to know of one. */
export function noticeOf({ id, jti, sub, at, until }: Revocation) {
  return { id, jti, sub, at: toRfc3339(at), until: toRfc3339(until) }
}

/** Every edge holds all of them in memory. */
export const REVOCATIONS_IN_FORCE_MAX = 100_000
