import { Agent, request as send } from 'undici'
import { atMost } from '../../platform/at-most.ts'
import type { Breaker } from '../../platform/breaker.ts'
import type { Log } from '../../platform/log.ts'
import type { FraudProvider, Score, ScoreRequest, Unavailable } from './port.ts'

/** What every provider has, whatever it speaks. */
export type GuardOptions = {
  /** As the log and the metrics call it. */
  readonly name: string
  readonly log: Log
  readonly breaker: Breaker
  /** From the question to the whole answer. */
  readonly deadlineMs?: number
  /** Questions under way at once; further ones wait their turn, and their deadline begins with it. */
  readonly concurrentMax?: number
  /** Questions that may wait; a further one is not asked. */
  readonly waitingMax?: number
}

/** One question as it goes out. */
export type Question = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const DEADLINE_MS = 800
const CONCURRENT_MAX = 16
const WAITING_MAX = 1_000
const ANSWER_BYTES_MAX = 65_536
const FULL = { status: 'unavailable', reason: 'full' } as const

/** Whatever kept a score from coming. */
export class NoScore extends Error {
  readonly reason: Unavailable
  /** An answer that is about our question (4xx, or that it was not scored) is a sign of life, and no fault of the provider's. */
  readonly isTheirFault: boolean

  constructor(reason: Unavailable, isTheirFault: boolean, cause?: unknown) {
    super(reason, { cause })
    this.reason = reason
    this.isTheirFault = isTheirFault
  }
}

/** The language that a provider speaks: pure, and the same for live and recorded answers. */
export type Language = {
  question(request: ScoreRequest): Question
  /** @throws NoScore for everything that is not a score */
  scoreOf(answer: unknown): Extract<Score, { status: 'ok' }>
  /** The call for what stands behind a score; null where the provider has none. */
  readonly details: ((seqId: string) => Question) | null
}

/** A provider behind its deadline, its bulkhead and its breaker. */
export function guarded(options: GuardOptions, language: Language): FraudProvider {
  const { name, log, breaker, deadlineMs = DEADLINE_MS, concurrentMax = CONCURRENT_MAX } = options
  const dispatcher = new Agent({ connections: concurrentMax, connect: { timeout: deadlineMs } })
  const bulkhead = atMost(concurrentMax, options.waitingMax ?? WAITING_MAX)
  const ask = (question: Question, stop: AbortSignal) => askOnce(dispatcher, deadlineMs, question, stop)

  const scored = async (request: ScoreRequest, stop: AbortSignal, receipt: string | null): Promise<Score> => {
    const permit = breaker.enter()
    if (permit.kind === 'refused') return { status: 'unavailable', reason: 'breaker_open' }
    try {
      const score = language.scoreOf(await ask(language.question(request), stop))
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

  return {
    async score(request, signal, receipt) {
      // Being full is our own state: it is kept from the breaker, which counts what the provider does.
      const score = await (bulkhead.run(() => scored(request, signal, receipt)) ?? FULL)
      if (score.status === 'unavailable') log.warn({ provider: name, reason: score.reason }, 'fraud provider: no score')
      return score
    },
    async details(seqId, signal) {
      if (language.details === null) return null
      const question = language.details(seqId)
      return (await bulkhead.run(() => ask(question, signal).catch(() => null))) ?? null
    },
    close: () => dispatcher.destroy(),
  }
}

/** The JSON of the answer. @throws NoScore whatever keeps it from coming by the deadline */
async function askOnce(
  dispatcher: Agent,
  deadlineMs: number,
  { url, headers, body: asked }: Question,
  stop: AbortSignal,
): Promise<unknown> {
  const deadline = AbortSignal.timeout(deadlineMs)
  let text: string
  try {
    const { statusCode, body } = await send(url, {
      method: 'POST',
      headers: { ...headers, accept: 'application/json' },
      body: asked,
      dispatcher,
      signal: AbortSignal.any([stop, deadline]),
    })
    text = await readText(body)
    if (statusCode !== 200) throw new NoScore('status', statusCode >= 500, `status ${statusCode}`)
  } catch (error) {
    if (error instanceof NoScore) throw error
    throw new NoScore(deadline.aborted ? 'timeout' : 'unreachable', true, error)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new NoScore('garbage', true, error)
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
