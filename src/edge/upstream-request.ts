import type { IncomingHttpHeaders } from 'node:http'
import type { Outcome } from './upstream.ts'

export type ReceivedAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

/** What counts against an upstream; carries the outcome that the client is told. */
export class UpstreamFault extends Error {
  override readonly name = 'UpstreamFault'
  readonly outcome: Outcome<unknown>

  constructor(outcome: Outcome<unknown>, cause?: unknown) {
    super(outcome.kind, { cause })
    this.outcome = outcome
  }
}

/** The client hung up before the upstream had answered: nobody's fault. */
export class HungUp extends Error {
  override readonly name = 'HungUp'
  readonly outcome: Outcome<unknown>

  constructor(outcome: Outcome<unknown>) {
    super(outcome.kind)
    this.outcome = outcome
  }
}
