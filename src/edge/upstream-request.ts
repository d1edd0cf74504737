import type { Answer } from './exchange.ts'
import type { Outcome } from './upstream.ts'

/** What counts against an upstream; carries the outcome that the client is told. */
export class UpstreamFault extends Error {
  override readonly name = 'UpstreamFault'
  readonly outcome: Outcome<{ readonly status: number }>

  constructor(outcome: UpstreamFault['outcome'], cause?: unknown) {
    super(outcome.kind, { cause })
    this.outcome = outcome
  }
}

/** Written to receipts, seen by nobody. */
const CLIENT_CLOSED = 499

/** The client of a stream hung up before the upstream had answered: nobody's fault. */
export class HungUp extends Error {
  override readonly name = 'HungUp'
  readonly outcome: Outcome<Answer> = {
    kind: 'answered',
    answer: { status: CLIENT_CLOSED, headers: [], body: 'streamed' },
  }
}
