import type { Money } from '../../kernel/money.ts'

/** What a fraud provider is told of a transfer. */
export type ScoreRequest = {
  readonly amount: Money
  readonly from: string
  readonly to: string
  readonly reference: string
  readonly member: string
  readonly ip: string
}

export const DECISIONS = ['Accept', 'Review', 'Reject'] as const

/** What came of asking. `unavailable` is foreseen: the risk policy says what it means for the transfer. */
export type Score =
  | {
      readonly status: 'ok'
      /** In the provider's words. */
      readonly decision: (typeof DECISIONS)[number]
      readonly score: number
      /** The provider's name for this answer; details and disputes refer to it. */
      readonly seqId: string
      readonly hitRules: readonly string[]
    }
  | { readonly status: 'unavailable'; readonly reason: Unavailable }

/**
 * `unreachable`: no connection or a broken one · `timeout`: no whole answer by the deadline · `status`: not 200 ·
 * `garbage`: an answer we can't read, or a decision we don't know · `refused`: the provider says it did not score ·
 * `breaker_open`: not asked, after many faults or by an operator's word · `full`: not asked, too many questions are under way.
 */
export type Unavailable = 'unreachable' | 'timeout' | 'status' | 'garbage' | 'refused' | 'breaker_open' | 'full'

export interface FraudProvider {
  /**
   * Asks for one score, which costs money. Never throws for a foreseen fault; those of the provider are remembered by the
   * receipt of the request that asked.
   */
  score(request: ScoreRequest, signal: AbortSignal, receipt: string | null): Promise<Score>
  close(): Promise<void>
}
