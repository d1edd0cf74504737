import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from '../../kernel/assert.ts'
import type { Clock, Instant } from '../../kernel/clock.ts'
import { type Currency, type Money, money, parseMoney, type WireMoney } from '../../kernel/money.ts'
import type { MemberStatus } from '../../platform/standing-news.ts'
import type { Standings } from '../../platform/standings.ts'
import type { PartTerms, Terms } from './commands.ts'
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
  /** One for a currency at most. */
  readonly limits?: readonly WireLimits[]
}

type WireLimits = { readonly [limit in keyof Limits]?: WireMoney }

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

/** Whether accounts under the product may be in the currency. */
export function takesCurrency({ currency, otherCurrencies = [] }: ProductTerms, other: string): boolean {
  return currency === other || otherCurrencies.includes(other)
}

/** Knows the terms of products: each product is asked for once a second at most, while money moves under it. */
export function createTermsSource(deps: {
  readonly directory: Directory
  readonly products: { find(product: string): Promise<ProductTerms | null> }
  readonly standings: Pick<Standings, 'statusOf'>
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

  async function current(product: string): Promise<Known | null> {
    const known = remembered.get(product)
    if (known === undefined) return ask(product)
    const now = clock.now()
    if (now - known.askedAt < ASKED_EVERY_MS) return known
    known.askedAt = now // one waits; the others go on meanwhile
    const newer = await Promise.race([ask(product), sleep(PATIENCE_MS, null, { ref: false })])
    if (newer !== null) return newer
    return now - known.toldAt < REMEMBERED_MS_MAX ? known : null
  }

  return {
    async termsOf(parts) {
      const found = new Map<string, PartTerms>()
      const accounts = await directory.accounts(parts.map(({ from }) => from))
      for (const { id, from, amount } of parts) {
        const { product = null, member = null } = accounts.get(from) ?? {}
        if (product === null || member === null) continue // nobody pays out of a clearing account
        const known = await current(product)
        const status = await standings.statusOf(member)
        if (known === null || status === 'unknown') return 'unknown'
        found.set(id, partTerms(product, known.terms, status, amount))
      }
      return found
    },
  }
}

/** One function of the product's terms and the amount. */
function partTerms(product: string, terms: ProductTerms, status: MemberStatus, amount: Money): PartTerms {
  const { version } = terms
  return {
    judgedBy: { product, version },
    fee: feeOf(product, terms, amount),
    limits: limitsIn(terms, amount.currency),
    status,
    takesCurrency: takesCurrency(terms, amount.currency),
  }
}

/** In the currency that is paid in: where the product takes several, its fee names no amount. */
function feeOf(product: string, { version, fee }: ProductTerms, amount: Money): Fee | null {
  const minor = feeOn(fee, amount)
  return minor === 0n ? null : { amount: money(amount.currency, minor), product, version }
}

function limitsIn({ limits = [] }: ProductTerms, currency: Currency): Limits {
  const own = limits.find((limit) => Object.values(limit).some((amount) => amount.currency === currency))
  const { perTransfer, perDay, perMonth } = own ?? {}
  return { perTransfer: minorOf(perTransfer), perDay: minorOf(perDay), perMonth: minorOf(perMonth) }
}

function minorOf(wire: WireMoney | undefined): bigint | null {
  if (wire === undefined) return null
  const amount = parseMoney(wire)
  assert(typeof amount !== 'string', 'a limit was checked when it was said')
  return amount.minor
}
