import type { Inspected } from './exchange.ts'

/** Where a fact for risk control stands in a request: a header, or a claim of the verified token. */
export type FactSource = { readonly header: string } | { readonly claim: string }

/** Device, session and the member's level, where the configuration says where they stand. */
export type RiskContextSources = {
  readonly device?: FactSource
  readonly session?: FactSource
  readonly level?: FactSource
}

/** Empty where it is not known. */
export type RiskContext = { readonly device: string; readonly session: string; readonly level: string }

const CHARACTERS_MAX = 128
const ONE_LINE = /^[^\p{Cc}\p{Cs}]*$/u

/** Reads them for one request. What is longer than a name, or no text, is taken as not known: it would be no name of anything. */
export function readRiskContext({ device, session, level }: RiskContextSources, request: Inspected): RiskContext {
  const read = (source: FactSource | undefined): string => {
    if (source === undefined) return ''
    const value = 'header' in source ? request.headers.get(source.header) : request.caller.claims[source.claim]
    return typeof value === 'string' && value.length <= CHARACTERS_MAX && ONE_LINE.test(value) ? value : ''
  }
  return { device: read(device), session: read(session), level: read(level) }
}
