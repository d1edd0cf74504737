import CircuitBreaker from 'opossum'
import { Type } from 'typebox'
import { Agent, request as send } from 'undici'
import { formatMinor } from '../../kernel/money.ts'
import { atMost } from '../../platform/at-most.ts'
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
  /** From the question to the whole answer. */
  readonly deadlineMs?: number
  /** Questions under way at once; further ones wait their turn, and their deadline begins with it. */
  readonly concurrentMax?: number
  /** Questions that may wait; a further one is not asked. */
  readonly waitingMax?: number
  /** The breaker opens when half of at least so many answers of the last 10 s were faults … */
  readonly breakerVolumeMin?: number
  /** … and lets one question through after this long, to see. */
  readonly breakerResetMs?: number
}

const PATH = '/riskService/v1.1'
const DEADLINE_MS = 800
const CONCURRENT_MAX = 16
const WAITING_MAX = 1_000
const BREAKER_VOLUME_MIN = 10
const BREAKER_RESET_MS = 5_000
const BREAKER_FAULT_PERCENT = 50
const ANSWER_BYTES_MAX = 65_536

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

/** What the breaker counts: whatever it is, the provider did not do its work. */
class ProviderFault extends Error {
  readonly reason: Unavailable

  constructor(reason: Unavailable, cause?: unknown) {
    super(reason, { cause })
    this.reason = reason
  }
}

/**
 * A provider that speaks the Tongdun shape: a form to `/riskService/v1.1`, JSON back. The credential travels in the
 * form, so neither a URL nor a log line holds it.
 */
export function createTongdun(options: TongdunOptions): FraudProvider {
  const { log, deadlineMs = DEADLINE_MS, concurrentMax = CONCURRENT_MAX, waitingMax = WAITING_MAX } = options
  const dispatcher = new Agent({ connections: concurrentMax, connect: { timeout: deadlineMs } })
  const ask = (request: ScoreRequest, stop: AbortSignal) => askOnce(options, dispatcher, deadlineMs, request, stop)
  const breaker = new CircuitBreaker(ask, {
    name: 'fraud provider',
    timeout: false, // the deadline is kept below, where it ends the request too
    volumeThreshold: options.breakerVolumeMin ?? BREAKER_VOLUME_MIN,
    resetTimeout: options.breakerResetMs ?? BREAKER_RESET_MS,
    errorThresholdPercentage: BREAKER_FAULT_PERCENT,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
  })
  let lastFault = ''
  breaker.on('failure', (fault: Error) => {
    lastFault = fault.message
  })
  breaker.on('open', () => log.warn({ provider: 'tongdun', lastFault }, 'fraud provider: breaker open'))
  breaker.on('close', () => log.info({ provider: 'tongdun' }, 'fraud provider: breaker closed'))

  const bulkhead = atMost(concurrentMax, waitingMax)
  return {
    async score(request, signal) {
      try {
        // Being full is our own state: it is kept from the breaker, which counts what the provider does.
        const score = bulkhead.run(() => breaker.fire(request, signal))
        return score === null ? { status: 'unavailable', reason: 'full' } : await score
      } catch (error) {
        const reason = error instanceof ProviderFault ? error.reason : breakerReason(error)
        log.warn({ provider: 'tongdun', reason }, 'fraud provider: no score')
        return { status: 'unavailable', reason }
      }
    },
    async close() {
      breaker.shutdown()
      await dispatcher.destroy()
    },
  }
}

/** The breaker refused to ask. @throws what is not the breaker's own: our bug */
function breakerReason(error: unknown): Unavailable {
  if (error instanceof Error && CircuitBreaker.isOurError(error)) return 'breaker_open'
  throw error
}

/** @throws ProviderFault whatever keeps a score from coming by the deadline */
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
    if (statusCode !== 200) throw new ProviderFault('status', `status ${statusCode}`)
    return scoreOf(text)
  } catch (error) {
    if (error instanceof ProviderFault) throw error
    throw new ProviderFault(deadline.aborted ? 'timeout' : 'unreachable', error)
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

/** @throws ProviderFault for everything that is not a score */
function scoreOf(text: string): Score {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new ProviderFault('garbage', error)
  }
  const answered = checkAnswered(value)
  if (!answered.ok) throw new ProviderFault(checkRefused(value).ok ? 'refused' : 'garbage')
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
    if (bytes > ANSWER_BYTES_MAX) throw new ProviderFault('garbage')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
