import { type Dispatcher, request } from 'undici'
import type { Breaker } from '../platform/breaker.ts'
import { type PaymentStatus, readStatusReport } from '../platform/iso20022/status.ts'
import { readAtMost } from '../platform/read-at-most.ts'

export type BankOptions = {
  readonly url: string
  readonly timeoutMs: number
  readonly breaker: Breaker
  readonly dispatcher?: Dispatcher
}

/** A pain.001 as it was written; the id is its MsgId, and makes sending it twice pay once. */
export type PaymentFile = { readonly id: string; readonly xml: Uint8Array }

export type FileAnswer =
  | { readonly kind: 'answered'; statusOf(payment: string): PaymentStatus }
  /** The file as a whole: none of it will be paid. */
  | { readonly kind: 'refused'; readonly detail: string }
  | { readonly kind: 'unknown'; readonly detail: string }
  /** Nothing was sent: the breaker is open. */
  | { readonly kind: 'not_asked'; readonly detail: string; readonly retryAfterS: number }

const ANSWER_BYTES_MAX = 8_388_608
/** What a bank says of the file itself; every other status is about the call, and sending it again may help. */
const REFUSED: readonly number[] = [400, 409, 422]

/**
 * The bank over HTTP: `POST /payment-files`, answered by a pain.002. Only a whole report on this very file counts as an answer,
 * only 400, 409 and 422 as refused; everything else leaves the outcome unknown, and the file is to be sent again under the
 * same id. `timeoutMs` bounds one call. No answer, one that says nothing and a 5xx are faults of the bank's.
 */
export function createBank(options: BankOptions): { send(file: PaymentFile): Promise<FileAnswer> } {
  return {
    async send(file) {
      const permit = options.breaker.enter()
      if (permit.kind === 'refused') {
        return { kind: 'not_asked', detail: 'the breaker of the bank is open', retryAfterS: permit.retryAfterS }
      }
      try {
        const { status, bytes } = await post(options, file)
        const answer = read(file, status, bytes)
        const isAboutOurCall = status >= 400 && status < 500
        if (answer.kind !== 'unknown' || isAboutOurCall) permit.good()
        else permit.fault(file.id)
        return answer
      } catch (error) {
        permit.fault(file.id)
        return { kind: 'unknown', detail: error instanceof Error ? error.message : 'no answer' }
      }
    },
  }
}

function read({ id }: PaymentFile, status: number, bytes: Buffer): FileAnswer {
  if (status !== 200) {
    return { kind: REFUSED.includes(status) ? 'refused' : 'unknown', detail: `the bank answered ${status}` }
  }
  const report = readStatusReport(bytes)
  if (typeof report === 'string') return { kind: 'unknown', detail: `the answer is no report: ${report}` }
  if (report.file !== id) return { kind: 'unknown', detail: 'the answer is about another file' }
  return { kind: 'answered', statusOf: report.statusOf }
}

async function post(
  { url, timeoutMs, dispatcher }: BankOptions,
  { xml }: PaymentFile,
): Promise<{ status: number; bytes: Buffer }> {
  const answer = await request(`${url}/payment-files`, {
    method: 'POST',
    headers: { 'content-type': 'application/xml' },
    body: xml,
    signal: AbortSignal.timeout(timeoutMs),
    ...(dispatcher === undefined ? {} : { dispatcher }),
  })
  return { status: answer.statusCode, bytes: await readAtMost(answer.body, ANSWER_BYTES_MAX) }
}
