import { Type } from 'typebox'
import { Agent, request as send } from 'undici'
import { formatMinor } from '../../kernel/money.ts'
import { atMost } from '../../platform/at-most.ts'
import type { Breaker } from '../../platform/breaker.ts'
import type { Log } from '../../platform/log.ts'
import { compileSchema } from '../../platform/schema.ts'
import { DECISIONS, type FraudProvider, type Score, type ScoreRequest, type Unavailable } from './port.ts'

export type TongdunOptions = {
  /** The provider's origin; the path is added here. */
  readonly url: string
  readonly partnerCode: string
  readonly secretKey: string
  /** The provider's name for the kind of event that is scored. */
  readonly eventId: string
  readonly log: Log
  readonly breaker: Breaker
  /** From the question to the whole answer. */
  readonly deadlineMs?: number
  /** Questions under way at once; further ones wait their turn, and their deadline begins with it. */
  readonly concurrentMax?: number
  /** Questions that may wait; a further one is not asked. */
  readonly waitingMax?: number
}

const PATH = '/riskService/v1.1'
const DEADLINE_MS = 800
const CONCURRENT_MAX = 16
const WAITING_MAX = 1_000
const ANSWER_BYTES_MAX = 65_536
const FULL = { status: 'unavailable', reason: 'full' } as const

const Answered = Type.Object({
  success: Type.Literal(true),
  final_decision: Type.Enum([...DECISIONS]),
  final_score: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
  seq_id: Type.String({ minLength: 1, maxLength: 128, pattern: '^[!-~]+$' }),
  hit_rules: Type.Array(
    Type.Object({ name: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\p{Cc}\\p{Cs}]+$' }) }),
    { maxItems: 100 },
  ),
})
const Refused = Type.Object({ success: Type.Literal(false), reason_code: Type.String() })

const checkAnswered = compileSchema(Answered)
const checkRefused = compileSchema(Refused)

/** Whatever kept a score from coming. */
class NoScore extends Error {
  readonly reason: Unavailable
  /** An answer that is about our question (4xx, or that it was not scored) is a sign of life, and no fault of the provider's. */
  readonly isTheirFault: boolean

  constructor(reason: Unavailable, isTheirFault: boolean, cause?: unknown) {
    super(reason, { cause })
    this.reason = reason
    this.isTheirFault = isTheirFault
  }
}

/**
 * A provider that speaks the Tongdun shape: a form to `/riskService/v1.1`, JSON back. The credential travels in the
 * form, so neither a URL nor a log line holds it.
 */
export function createTongdun(options: TongdunOptions): FraudProvider {
  const { log, breaker, deadlineMs = DEADLINE_MS, concurrentMax = CONCURRENT_MAX, waitingMax = WAITING_MAX } = options
  const dispatcher = new Agent({ connections: concurrentMax, connect: { timeout: deadlineMs } })

  const guarded = async (request: ScoreRequest, stop: AbortSignal, receipt: string | null): Promise<Score> => {
    const permit = breaker.enter()
    if (permit.kind === 'refused') return { status: 'unavailable', reason: 'breaker_open' }
    try {
      const score = await askOnce(options, dispatcher, deadlineMs, request, stop)
      permit.good()
      return score
    } catch (error) {
      if (!(error instanceof NoScore) || stop.aborted) permit.neither()
      else if (error.isTheirFault) permit.fault(receipt)
      else permit.good()
      if (!(error instanceof NoScore)) throw error
      return { status: 'unavailable', reason: error.reason }
    }
  }

  const bulkhead = atMost(concurrentMax, waitingMax)
  return {
    async score(request, signal, receipt) {
      // Being full is our own state: it is kept from the breaker, which counts what the provider does.
      const score = await (bulkhead.run(() => guarded(request, signal, receipt)) ?? FULL)
      if (score.status === 'unavailable')
        log.warn({ provider: 'tongdun', reason: score.reason }, 'fraud provider: no score')
      return score
    },
    close: () => dispatcher.destroy(),
  }
}

/** @throws NoScore whatever keeps a score from coming by the deadline */
async function askOnce(
  options: TongdunOptions,
  dispatcher: Agent,
  deadlineMs: number,
  request: ScoreRequest,
  stop: AbortSignal,
): Promise<Score> {
  const deadline = AbortSignal.timeout(deadlineMs)
  try {
    const { statusCode, body } = await send(options.url + PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: formOf(options, request),
      dispatcher,
      signal: AbortSignal.any([stop, deadline]),
    })
    const text = await readText(body)
    if (statusCode !== 200) throw new NoScore('status', statusCode >= 500, `status ${statusCode}`)
    return scoreOf(text)
  } catch (error) {
    if (error instanceof NoScore) throw error
    throw new NoScore(deadline.aborted ? 'timeout' : 'unreachable', true, error)
  }
}

function formOf({ partnerCode, secretKey, eventId }: TongdunOptions, request: ScoreRequest): string {
  return new URLSearchParams({
    partner_code: partnerCode,
    secret_key: secretKey,
    event_id: eventId,
    amount: formatMinor(request.amount), // major units, in decimal
    currency: request.amount.currency,
    from: request.from,
    to: request.to,
    reference: request.reference,
    member: request.member,
    ip: request.ip,
  }).toString()
}

/** @throws NoScore for everything that is not a score */
function scoreOf(text: string): Score {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new NoScore('garbage', true, error)
  }
  const answered = checkAnswered(value)
  if (!answered.ok) throw checkRefused(value).ok ? new NoScore('refused', false) : new NoScore('garbage', true)
  const { final_decision, final_score, seq_id, hit_rules } = answered.value
  return {
    status: 'ok',
    decision: final_decision,
    score: final_score,
    seqId: seq_id,
    hitRules: hit_rules.map(({ name }) => name),
  }
}

async function readText(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stream) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new NoScore('garbage', true)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
