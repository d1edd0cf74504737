import { add, type Money } from '../../kernel/money.ts'
import { Durations } from '../../platform/prometheus.ts'
import type { FraudProvider } from './port.ts'

/** What a provider did since this process began. */
export type ProviderFigures = {
  readonly name: string
  /** Questions by what came of them: `ok`, or why there was no score. */
  readonly asked: Readonly<Record<string, number>>
  /** From the question, its wait for a place included, to what came of it. */
  readonly durations: Durations
  /** What its answers cost; null where the configuration does not say what one costs. */
  readonly cost: Money | null
}

/** Counts what is asked of a provider, how long it takes and what it costs. */
export function measured(
  name: string,
  provider: FraudProvider,
  price: Money | null,
): { readonly provider: FraudProvider; figures(): ProviderFigures } {
  const asked: Record<string, number> = {}
  const durations = new Durations({ provider: name })
  let cost = price === null ? null : { ...price, minor: 0n }
  return {
    provider: {
      ...provider,
      async score(...question) {
        const from = performance.now()
        const score = await provider.score(...question)
        const outcome = score.status === 'ok' ? 'ok' : score.reason
        asked[outcome] = (asked[outcome] ?? 0) + 1
        if (outcome !== 'breaker_open' && outcome !== 'full') durations.observe((performance.now() - from) / 1_000)
        if (cost !== null && price !== null && score.status === 'ok') cost = add(cost, price)
        return score
      },
    },
    figures: () => ({ name, asked: { ...asked }, durations, cost }),
  }
}
