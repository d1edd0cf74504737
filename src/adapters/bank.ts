import { Type } from 'typebox'
import { type Dispatcher, request } from 'undici'
import { type Money, toWire } from '../kernel/money.ts'
import type { Breaker } from '../platform/breaker.ts'
import { compileSchema } from '../platform/schema.ts'

export type BankOptions = {
  readonly url: string
  readonly timeoutMs: number
  readonly breaker: Breaker
  readonly dispatcher?: Dispatcher
}

/** What the bank is asked to pay; the id makes asking twice pay once. */
export type Payout = {
  readonly id: string
  readonly member: string
  readonly amount: Money
  readonly reference: string
}

export type PayoutAnswer =
  | { readonly kind: 'paid' }
  | { readonly kind: 'refused'; readonly detail: string }
  | { readonly kind: 'unknown'; readonly detail: string }
  /** Nothing was sent: the breaker is open. */
  | { readonly kind: 'not_asked'; readonly detail: string; readonly retryAfterS: number }

const Paid = Type.Object({ id: Type.String(), state: Type.Literal('paid') })
const checkPaid = compileSchema(Paid)

const ANSWER_BYTES_MAX = 65_536
/** What a bank says of the payout itself; every other status is about the call, and asking again may help. */
const REFUSED: readonly number[] = [400, 409, 422]

/**
 * The bank over HTTP. Only a whole answer that says so counts as paid, only 400, 409 and 422 as refused; everything else
 * leaves the outcome unknown, and the payout is to be asked for again under the same id. `timeoutMs` bounds one call. No
 * answer, one that says nothing and a 5xx are faults of the bank's.
 */
export function createBank(options: BankOptions): { pay(payout: Payout): Promise<PayoutAnswer> } {
  return {
    async pay(payout) {
      const permit = options.breaker.enter()
      if (permit.kind === 'refused') {
        return { kind: 'not_asked', detail: 'the breaker of the bank is open', retryAfterS: permit.retryAfterS }
      }
      try {
        const { status, text } = await post(options, payout)
        const answer = read(payout, status, text)
        const isAboutOurCall = status >= 400 && status < 500
        if (answer.kind !== 'unknown' || isAboutOurCall) permit.good()
        else permit.fault(payout.id)
        return answer
      } catch (error) {
        permit.fault(payout.id)
        return { kind: 'unknown', detail: error instanceof Error ? error.message : 'no answer' }
      }
    },
  }
}

/** @throws SyntaxError when a paid answer is no JSON */
function read(payout: Payout, status: number, text: string): PayoutAnswer {
  if (status === 200 || status === 201) return readPaid(payout, JSON.parse(text))
  return { kind: REFUSED.includes(status) ? 'refused' : 'unknown', detail: `the bank answered ${status}` }
}

function readPaid({ id }: Payout, body: unknown): PayoutAnswer {
  const paid = checkPaid(body)
  if (paid.ok && paid.value.id === id) return { kind: 'paid' }
  return { kind: 'unknown', detail: 'the answer does not say that this payout was paid' }
}

async function post(
  { url, timeoutMs, dispatcher }: BankOptions,
  { id, member, amount, reference }: Payout,
): Promise<{ status: number; text: string }> {
  const answer = await request(`${url}/payouts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id, member, amount: toWire(amount), reference }),
    signal: AbortSignal.timeout(timeoutMs),
    ...(dispatcher === undefined ? {} : { dispatcher }),
  })
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`an answer of more than ${ANSWER_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return { status: answer.statusCode, text: Buffer.concat(chunks).toString('utf8') }
}
