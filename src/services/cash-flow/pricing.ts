import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock, Instant } from '../../kernel/clock.ts'
import { type Currency, type Money, money } from '../../kernel/money.ts'
import type { Fees } from './commands.ts'
import type { Directory } from './directory.ts'
import { type FeeFormula, feeOn } from './fee-formula.ts'
import type { Fee } from './model.ts'

/** What cash flow needs to know of a product, as it stands. */
export type ProductTerms = {
  readonly currency: string
  readonly version: number
  readonly fee: FeeFormula
}

export interface Pricing {
  /** What each of these parts of a transfer costs by now; `unknown` when nobody can say. */
  feesOf(parts: readonly Priced[]): Promise<Fees>
}

/** `id` is the transfer's that it is kept as. */
type Priced = { readonly id: string; readonly from: string; readonly amount: Money }

/** A product's version is in force here so long after it was made, at the latest. */
const ASKED_EVERY_MS = 1_000
/** While the product service gives no answer, its last one goes on for so long. */
const REMEMBERED_MS_MAX = 600_000
/** Nobody waits longer for a newer version of what is remembered. */
const PATIENCE_MS = 250
const PRODUCTS_MAX = 10_000

type Known = { readonly terms: ProductTerms; readonly toldAt: Instant; askedAt: Instant }

/** Knows what transfers cost: each product is asked for once a second at most, while money moves under it. */
export function createPricing(deps: {
  readonly directory: Directory
  readonly products: { find(product: string): Promise<ProductTerms | null> }
  readonly clock: Clock
}): Pricing {
  const { directory, products, clock } = deps
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
    async feesOf(parts) {
      const fees = new Map<string, Fee>()
      const accounts = await directory.accounts(parts.map(({ from }) => from))
      for (const { id, from, amount } of parts) {
        const product = accounts.get(from)?.product ?? null
        if (product === null) continue // nobody pays out of a clearing account
        const known = await current(product)
        if (known === null) return 'unknown'
        const fee = feeOf(product, known.terms, amount)
        if (fee !== null) fees.set(id, fee)
      }
      return fees
    },
  }
}

/** One function of the product's terms and the amount. */
function feeOf(product: string, { currency, version, fee }: ProductTerms, amount: Money): Fee | null {
  const minor = feeOn(fee, amount)
  return minor === 0n ? null : { amount: money(currency as Currency, minor), product, version }
}
