import ipaddr from 'ipaddr.js'
import { contentDigest } from '../../kernel/canonical-json.ts'
import type { WireMoney } from '../../kernel/money.ts'
import { type KeptRiskFacts, keptRiskFacts, type Marks, type RiskFacts } from '../../policy/index.ts'
import type { Terms } from './product-terms.ts'
import type { AssessmentRequest } from './schema.ts'

/** What an assessment was decided on, as it is stored. */
export type StoredFacts = KeptRiskFacts & {
  /** The legs of a transfer that has them; its ends are those that were decided the strictest. */
  readonly legs?: AssessmentRequest['transfer']['legs']
}

export function storedFacts(facts: RiskFacts, marks: Marks, legs: StoredFacts['legs']): StoredFacts {
  return { ...keptRiskFacts(facts, marks), ...(legs === undefined ? {} : { legs }) }
}

/** What a reviewer is shown. It leaves the house, so what tells of a person is masked. */
export type CaseFacts = {
  readonly maker: string
  readonly amount: WireMoney
  readonly from: string
  readonly to: string
  readonly legs?: StoredFacts['legs']
  readonly reference: string
  readonly ip: string
  readonly provider: {
    readonly status: string
    readonly decision: string
    readonly score: number
    readonly hitRules: readonly string[]
  }
  readonly velocity: StoredFacts['velocity']
  /** Under which versions of their products the accounts that pay are; left out where none is known. */
  readonly terms?: readonly Terms[]
  readonly rule: string
  readonly reasons: readonly string[]
  /** What is different since: each change is a new version of the case. */
  readonly since?: readonly Since[]
}

/**
 * `policies`: what they would decide now. `label`: what another transfer to the same payee turned out to be. `credit_line`: how
 * far below zero the account that pays may go now. `standing`: what the member who asked for it may do now.
 * `terms`: there is another version of the product that the account is under, with other limits, fee or conditions.
 */
export type Since =
  | { readonly what: 'policies'; readonly outcome: string; readonly rule: string; readonly reasons: readonly string[] }
  | { readonly what: 'label'; readonly label: string; readonly assessment: string }
  | { readonly what: 'credit_line'; readonly account: string; readonly creditLine: WireMoney }
  | { readonly what: 'standing'; readonly member: string; readonly status: string; readonly level: number }
  | ({ readonly what: 'terms' } & Terms)

/** What other services tell. */
export type News = Extract<Since, { readonly what: 'credit_line' | 'standing' }>

export function caseFacts(
  facts: StoredFacts,
  decided: { readonly rule: string; readonly reasons: readonly string[] },
  terms: readonly Terms[] = [],
): CaseFacts {
  const { amount, from, to, reference } = facts.transfer
  const { status, decision, score, hitRules } = facts.provider
  return {
    maker: facts.member.id,
    amount,
    from,
    to,
    ...(facts.legs === undefined ? {} : { legs: facts.legs }),
    reference: maskText(reference),
    ip: maskAddress(facts.source.ip),
    provider: { status, decision, score, hitRules },
    velocity: facts.velocity,
    ...(terms.length === 0 ? {} : { terms }),
    rule: decided.rule,
    reasons: decided.reasons,
  }
}

/** The name of exactly these facts: a decision that repeats it is about what the reviewer saw. */
export function snapshotHashOf(facts: CaseFacts): string {
  return contentDigest(facts)
}

const SHOWN_CHARACTERS_MAX = 4

/** The beginning only: enough to tell two transfers apart, not to read a name. */
function maskText(text: string): string {
  const characters = [...text]
  const shown = Math.min(SHOWN_CHARACTERS_MAX, Math.floor(characters.length / 2))
  return `${characters.slice(0, shown).join('')}…`
}

/** The network of an address without the host: three numbers of IPv4, three groups of IPv6. */
function maskAddress(ip: string): string {
  if (!ipaddr.isValid(ip)) return 'x'
  const address = ipaddr.process(ip) // ::ffff:198.51.100.7 is 198.51.100.7
  return address instanceof ipaddr.IPv4
    ? `${address.octets.slice(0, 3).join('.')}.x`
    : `${address.parts
        .slice(0, 3)
        .map((group) => group.toString(16))
        .join(':')}:x`
}
