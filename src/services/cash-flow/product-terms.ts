import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from '../../kernel/assert.ts'
import type { Clock, Instant } from '../../kernel/clock.ts'
import { type Currency, type Money, money, parseMoney, type WireMoney } from '../../kernel/money.ts'
import type { MemberStatus } from '../../platform/standing-news.ts'
import type { Standing, Standings } from '../../platform/standings.ts'
import type { PartTerms, Terms, Unmet } from './commands.ts'
import type { Directory } from './directory.ts'
import { type FeeFormula, feeOn } from './fee-formula.ts'
import type { Limits } from './limits.ts'
import type { Fee } from './model.ts'

/** What cash flow needs to know of a product, as it stands. */
export type ProductTerms = {
  readonly currency: string
  /** In which accounts may be opened, and pay, as well. */
  readonly otherCurrencies?: readonly string[]
  readonly version: number
  readonly fee: FeeFormula
  /** One for a currency and a level at most. */
  readonly limits?: readonly WireLimits[]
  readonly holders?: {
    readonly fromLevel?: number
    readonly kinds?: readonly string[]
    readonly countries?: readonly string[]
  }
}

type WireLimits = { readonly fromLevel?: number } & { readonly [limit in keyof Limits]?: WireMoney }

export interface TermsSource {
  /** What its product says of each of these parts of a transfer by now; `unknown` when nobody can say. */
  termsOf(parts: readonly Part[]): Promise<Terms>
}

/** `id` is the transfer's that it is kept as. */
type Part = { readonly id: string; readonly from: string; readonly amount: Money }

/** A product's version is in force here so long after it was made, at the latest. */
const ASKED_EVERY_MS = 1_000
/** While the product service gives no answer, its last one goes on for so long. */
const REMEMBERED_MS_MAX = 600_000
/** Nobody waits longer for a newer version of what is remembered. */
const PATIENCE_MS = 250
const PRODUCTS_MAX = 10_000

type Known = { readonly terms: ProductTerms; readonly toldAt: Instant; askedAt: Instant }

/** Whether it matters under the product who the member is. */
export function asksForStanding({ holders, limits = [] }: ProductTerms): boolean {
  return holders !== undefined || limits.some(({ fromLevel = 0 }) => fromLevel > 0)
}

/** The first of the terms that an account in the currency, of such a member, does not meet. */
export function unmetBy(terms: ProductTerms, currency: string, { level, kind, country }: Standing): Unmet | null {
  const { otherCurrencies = [], holders = {} } = terms
  const { fromLevel = 0, kinds, countries } = holders
  if (currency !== terms.currency && !otherCurrencies.includes(currency)) return 'currency'
  if (level < fromLevel) return 'level'
  if (kinds !== undefined && !kinds.includes(kind)) return 'kind'
  if (countries !== undefined && (country === null || !countries.includes(country))) return 'country'
  return null
}

/** Where nothing depends on who the member is, nobody is asked. */
export const ANYBODY: Standing = { level: 0, kind: 'person', country: null }

/** Knows the terms of products: each product is asked for once a second at most, while money moves under it. */
export function createTermsSource(deps: {
  readonly directory: Directory
  readonly products: { find(product: string): Promise<ProductTerms | null> }
  readonly standings: Pick<Standings, 'statusOf' | 'standingOf'>
  readonly clock: Clock
}): TermsSource {
  const { directory, products, standings, clock } = deps
  const remembered = new Map<string, Known>()
  const asking = new Map<string, Promise<Known | null>>()

  /** Asks for the product; those who come meanwhile wait for the same answer. Null: there is no answer, or no such product. */
  function ask(product: string): Promise<Known | null> {
    const already = asking.get(product)
    if (already !== undefined) return already
    const askedAt = clock.now()
    const answer = products
      .find(product)
      .then((terms) => {
        if (terms === null) return null
        if (remembered.size >= PRODUCTS_MAX) remembered.clear()
        const known = { terms, toldAt: askedAt, askedAt }
        remembered.set(product, known)
        return known
      })
      .catch(() => null) // whoever asked is told that nobody knows
      .finally(() => asking.delete(product))
    asking.set(product, answer)
    return answer
  }

  /** What was told a moment ago is at hand: most of them wait for nothing. */
  function current(product: string): Known | Promise<Known | null> {
    const known = remembered.get(product)
    if (known === undefined) return ask(product)
    const now = clock.now()
    return now - known.askedAt < ASKED_EVERY_MS ? known : askAgain(product, known, now)
  }

  async function askAgain(product: string, known: Known, now: Instant): Promise<Known | null> {
    known.askedAt = now // one waits; the others go on meanwhile
    const newer = await Promise.race([ask(product), sleep(PATIENCE_MS, null, { ref: false })])
    if (newer !== null) return newer
    return now - known.toldAt < REMEMBERED_MS_MAX ? known : null
  }

  return {
    async termsOf(parts) {
      const found: (readonly [part: string, terms: PartTerms])[] = []
      const payers = parts.length === 1 ? null : await directory.accounts(parts.map(({ from }) => from))
      for (const { id, from, amount } of parts) {
        const payer = payers === null ? directory.account(from) : payers.get(from)
        const { product = null, member = null } = (payer instanceof Promise ? await payer : payer) ?? {}
        if (product === null || member === null) continue // nobody pays out of a clearing account
        const told = current(product)
        const known = told instanceof Promise ? await told : told
        const status = await standings.statusOf(member)
        if (known === null || status === 'unknown') return 'unknown'
        const standing = asksForStanding(known.terms) ? await standings.standingOf(member) : ANYBODY
        if (standing === null || standing === 'unknown') return 'unknown'
        found.push([id, partTerms(product, known.terms, { ...standing, status }, amount)])
      }
      const [first] = found
      // Most transfers have one part: a Map would have to learn its id.
      return found.length > 1 ? new Map(found) : { get: (part) => (part === first?.[0] ? first[1] : undefined) }
    },
  }
}

type Payer = Standing & { readonly status: MemberStatus }

/** One function of the product's terms, who pays and the amount. */
function partTerms(product: string, terms: ProductTerms, payer: Payer, amount: Money): PartTerms {
  const { version } = terms
  return {
    judgedBy: { product, version },
    fee: feeOf(product, terms, amount),
    limits: limitsIn(terms, amount.currency, payer.level),
    status: payer.status,
    unmet: unmetBy(terms, amount.currency, payer),
  }
}

/** In the currency that is paid in: where the product takes several, its fee names no amount. */
function feeOf(product: string, { version, fee }: ProductTerms, amount: Money): Fee | null {
  const minor = feeOn(fee, amount)
  return minor === 0n ? null : { amount: money(amount.currency, minor), product, version }
}

/** Those from the highest level that the member has. */
function limitsIn({ limits = [] }: ProductTerms, currency: Currency, level: number): Limits {
  let newest: WireLimits | null = null
  for (const limit of limits) {
    const { fromLevel = 0, perTransfer, perDay, perMonth } = limit
    if ((perTransfer ?? perDay ?? perMonth)?.currency !== currency || fromLevel > level) continue
    if (newest === null || fromLevel > (newest.fromLevel ?? 0)) newest = limit
  }
  const { perTransfer, perDay, perMonth } = newest ?? {}
  return { perTransfer: minorOf(perTransfer), perDay: minorOf(perDay), perMonth: minorOf(perMonth) }
}

function minorOf(wire: WireMoney | undefined): bigint | null {
  if (wire === undefined) return null
  const amount = parseMoney(wire)
  assert(typeof amount !== 'string', 'a limit was checked when it was said')
  return amount.minor
}
