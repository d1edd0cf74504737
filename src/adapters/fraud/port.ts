import { formatMinor, type Money } from '../../kernel/money.ts'

/** What a fraud provider may be told of a transfer; the adapter's configuration says what of it goes out. */
export type ScoreRequest = {
  readonly amount: Money
  readonly from: string
  readonly to: string
  readonly reference: string
  readonly member: string
  readonly ip: string
  /** These three are empty when they are not known. */
  readonly device: string
  readonly session: string
  readonly level: string
}

export type SentFact = Exclude<keyof ScoreRequest, 'amount'> | 'amount' | 'currency'

/** As text: an amount in major units, in decimal. */
export function factsOf({ amount, ...rest }: ScoreRequest): Readonly<Record<SentFact, string>> {
  return { ...rest, amount: formatMinor(amount), currency: amount.currency }
}

/** What came of asking. `unavailable` is foreseen: the risk policy says what it means for the transfer. */
export type Score =
  | {
      readonly status: 'ok'
      /** `Accept`, `Review` or `Reject`, or another word of the provider's, which is held where no rule knows it. */
      readonly decision: string
      readonly score: number
      /** The provider's name for this answer; details and disputes refer to it. Of several: `NAME=ID NAME=ID`. */
      readonly seqId: string
      readonly hitRules: readonly string[]
    }
  | { readonly status: 'unavailable'; readonly reason: Unavailable }

/**
 * `unreachable`: no connection or a broken one · `timeout`: no whole answer by the deadline · `status`: not 200 ·
 * `garbage`: an answer we can't read · `refused`: the provider says it did not score · `breaker_open`: not asked, after many
 * faults or by an operator's word · `full`: not asked, too many questions are under way.
 */
export type Unavailable = 'unreachable' | 'timeout' | 'status' | 'garbage' | 'refused' | 'breaker_open' | 'full'

export interface FraudProvider {
  /**
   * Asks for one score, which costs money. Never throws for a foreseen fault; those of the provider are remembered by the
   * receipt of the request that asked.
   */
  score(request: ScoreRequest, signal: AbortSignal, receipt: string | null): Promise<Score>
  /** What stands behind a score, as the provider says it; null when it says nothing, or has no such call. */
  details(seqId: string, signal: AbortSignal): Promise<unknown>
  close(): Promise<void>
}
