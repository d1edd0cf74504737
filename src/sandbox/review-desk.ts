import { type KeyObject, randomUUID } from 'node:crypto'
import express, { type Express } from 'express'
import { type Static, Type } from 'typebox'
import { request } from 'undici'
import type { Clock, Instant } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import { checkOf } from '../platform/schema.ts'
import { signWebhook, verifyWebhook } from '../platform/standard-webhooks.ts'
import { refuse } from './refusal.ts'
import { type Place, type StandIn, startStandIn } from './stand-in.ts'

export type ReviewDeskOptions = Place & {
  /** `whsec_…`: what cases are signed with. */
  readonly secret: string
  /** What decisions are signed with; see `deskKeyIn` in desk-key.ts. */
  readonly privateKey: KeyObject
  readonly clock: Clock
}

const INBOX_MAX = 1_000
const BODY_BYTES_MAX = 1_048_576
const CALL_TIMEOUT_MS = 10_000

/** What the desk needs of a notice to decide on it. */
const Opened = Type.Object({
  type: Type.Enum(['review.case.opened', 'review.case.changed', 'review.case.escalated']),
  case: Type.String(),
  caseVersion: Type.Integer(),
  snapshotHash: Type.String(),
  callback: Type.String(),
})
type Opened = Static<typeof Opened>

/** What a person at the desk says; `nonce` and what follows is for tests that decide wrongly on purpose. */
const Wanted = Type.Object(
  {
    case: Type.String(),
    vote: Type.String(),
    reviewer: Type.String(),
    reason: Type.Optional(Type.String()),
    nonce: Type.Optional(Type.String()),
    caseVersion: Type.Optional(Type.Integer()),
    snapshotHash: Type.Optional(Type.String()),
    /** Unix seconds. */
    timestamp: Type.Optional(Type.Integer()),
  },
  { additionalProperties: false },
)
const checkOpened = checkOf(Opened)
const checkWanted = checkOf(Wanted)

/**
 * A review desk that decides nothing unasked. It keeps the cases that arrive rightly signed (`GET /inbox`), and on
 * `POST /decide {case, vote, reviewer, reason}` sends a signed decision to the case's callback and relays the answer.
 */
export function startReviewDesk(options: ReviewDeskOptions): Promise<StandIn> {
  return startStandIn(options, () => createApp(options))
}

function createApp({ secret, privateKey, clock }: ReviewDeskOptions): Express {
  // By webhook-id: a message may come twice.
  const inbox = new Map<string, { readonly headers: unknown; readonly body: unknown }>()
  const app = express()
  app.disable('x-powered-by')

  app.get('/inbox', (_request, response) => void response.json({ items: [...inbox.values()] }))

  app.post('/decide', express.json({ limit: BODY_BYTES_MAX }), async ({ body: asked }, response) => {
    const wanted = checkWanted(asked)
    if (!wanted.ok) throw new Problem('validation_failed', { errors: wanted.faults })
    const { timestamp, ...decision } = wanted.value
    const { caseVersion, snapshotHash, callback } = noticeOf(decision.case)
    const body = JSON.stringify({ caseVersion, snapshotHash, nonce: randomUUID(), reason: '', ...decision })
    const at = timestamp === undefined ? clock : { now: () => (timestamp * 1000) as Instant }
    const signed = signWebhook([{ scheme: 'v1a', privateKey }], at, randomUUID(), body)
    const answer = await request(callback, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signed },
      body,
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    }).catch((cause: unknown) => {
      throw new Problem('upstream_unavailable', { cause })
    })
    response.status(answer.statusCode).type(String(answer.headers['content-type'] ?? 'text'))
    response.send(await answer.body.text())
  })

  app.use(express.raw({ type: () => true, limit: BODY_BYTES_MAX }), ({ headers, body: raw }, response) => {
    const body: Buffer = Buffer.isBuffer(raw) ? raw : Buffer.alloc(0)
    const verdict = verifyWebhook([{ scheme: 'v1', secret }], clock, headers, body)
    if (!verdict.ok) throw new Problem('invalid_signature', { detail: verdict.reason })
    inbox.set(verdict.id, { headers, body: JSON.parse(body.toString('utf8')) })
    const [oldest] = inbox.keys()
    if (inbox.size > INBOX_MAX && oldest !== undefined) inbox.delete(oldest)
    response.status(204).end()
  })
  app.use(refuse)

  /** The newest notice of the case. */
  function noticeOf(id: string): Opened {
    for (const { body } of [...inbox.values()].reverse()) {
      const opened = checkOpened(body)
      if (opened.ok && opened.value.case === id) return opened.value
    }
    throw new Problem('not_found', { detail: 'no such case in the inbox' })
  }
  return app
}
