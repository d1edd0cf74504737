import type { KeyObject } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type Static, Type } from 'typebox'
import type { Json } from '../../kernel/canonical-json.ts'
import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { Problem } from '../../kernel/problem.ts'
import { type JsonLimits, parseStrictJson } from '../../kernel/strict-json.ts'
import type { Destination } from '../../platform/deliveries.ts'
import { checkOf } from '../../platform/schema.ts'
import { verifyWebhook } from '../../platform/standard-webhooks.ts'

export type ReviewDeskOptions = {
  /** Where cases are sent. */
  readonly url: string
  /** Where the desk sends its decisions: `/v1/reviews/decisions` as it is reached from outside. */
  readonly callbackUrl: string
  /** `whsec_…`, what cases are signed with (`v1`): with each of them, two during a rotation. */
  readonly secrets: readonly string[]
  /** Whose decisions count (`v1a`, Ed25519): our side can't forge one. Two during a rotation. */
  readonly publicKeys: readonly KeyObject[]
}

/** The desk is told that a case is there, has other facts now, or has become more urgent. */
export type NoticeType = 'review.case.opened' | 'review.case.changed' | 'review.case.escalated'

/** What the desk is told of a case. Decisions repeat version and hash, so they are about these facts. */
export type CaseNotice = {
  readonly case: string
  readonly caseVersion: number
  readonly snapshotHash: string
  readonly dueAt: Instant
  /** Money waits for the decision (`held`), or has moved (`passed`). */
  readonly kind: string
  readonly queue: string
  readonly priority: string
  readonly facts: Json
}

const noNul = { pattern: '^[^\\u0000\\p{Cs}]*$' } // no store keeps a NUL or half of a surrogate pair
const name = (characters: number) => Type.String({ minLength: 1, maxLength: characters, ...noNul })

export const Decision = Type.Object(
  {
    case: name(80),
    caseVersion: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
    snapshotHash: name(128),
    nonce: name(128),
    vote: Type.Enum(['approve', 'decline']),
    reviewer: name(64),
    reason: Type.String({ maxLength: 1_000, ...noNul }),
  },
  { additionalProperties: false },
)
export type DeskDecision = Static<typeof Decision>

const JSON_LIMITS: JsonLimits = { depthMax: 4, keysMax: 32 }
const checkDecision = checkOf(Decision)

export interface ReviewDesk {
  readonly destination: Destination
  /** The message, to be queued. */
  noticeOf(type: NoticeType, notice: CaseNotice): string
  /**
   * A decision as it arrived: the signature first, then the shape, so that an unsigned caller learns nothing.
   * @throws Problem `invalid_signature`, `invalid_json` or `validation_failed`
   */
  readDecision(headers: IncomingHttpHeaders, rawBody: Uint8Array): DeskDecision
  /** Whether a key that counts today signed what arrived then. */
  wasSigned(headers: Readonly<Record<string, string>>, body: string, receivedAt: Instant): boolean
}

/** The desk as risk control knows it. Sending is left to the queue of deliveries, which has the retries. */
export function createReviewDesk(options: ReviewDeskOptions, clock: Clock): ReviewDesk {
  const verifyingKeys = options.publicKeys.map((publicKey) => ({ scheme: 'v1a', publicKey }) as const)
  return {
    destination: { url: options.url, keys: options.secrets.map((secret) => ({ scheme: 'v1', secret })) },

    noticeOf: (type, { case: id, caseVersion, snapshotHash, kind, queue, priority, dueAt, facts }) =>
      JSON.stringify({
        ...{ type, case: id, caseVersion, snapshotHash, kind, queue, priority },
        ...{ dueAt: toRfc3339(dueAt), callback: options.callbackUrl, facts },
      }),

    readDecision(headers, rawBody) {
      const verdict = verifyWebhook(verifyingKeys, clock, headers, rawBody)
      if (!verdict.ok) throw new Problem('invalid_signature', { detail: DETAILS[verdict.reason] })
      const parsed = parseStrictJson(rawBody, JSON_LIMITS)
      if ('kind' in parsed) throw new Problem('invalid_json', { detail: parsed.detail })
      const decision = checkDecision(parsed.value)
      if (!decision.ok) throw new Problem('validation_failed', { errors: decision.faults })
      return decision.value
    },

    wasSigned(headers, body, receivedAt) {
      return verifyWebhook(verifyingKeys, { now: () => receivedAt }, headers, Buffer.from(body)).ok
    },
  }
}

const DETAILS = {
  missing: 'the headers webhook-id, webhook-timestamp and webhook-signature are needed',
  stale: 'the timestamp is too far from our clock',
  wrong: 'no v1a signature of a key we know',
} as const
