import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from '../../kernel/assert.ts'
import type { Clock, Instant } from '../../kernel/clock.ts'
import { parseMoney, type WireMoney } from '../../kernel/money.ts'
import type { Fees } from './commands.ts'
import type { Directory } from './directory.ts'
import type { Fee } from './model.ts'

/** What cash flow needs to know of a product, as it stands. */
export type ProductTerms = {
  readonly currency: string
  readonly version: number
  readonly fee: { readonly kind: 'none' } | { readonly kind: 'flat'; readonly amount: WireMoney }
}

export interface Pricing {
  /** What a transfer out of each of these accounts costs by now; `unknown` when nobody can say. */
  feesOf(accounts: readonly string[]): Promise<Fees>
}

/** A product's version is in force here so long after it was made, at the latest. */
const ASKED_EVERY_MS = 1_000
/** While the product service gives no answer, its last one goes on for so long. */
const REMEMBERED_MS_MAX = 600_000
/** Nobody waits longer for a newer version of what is remembered. */
const PATIENCE_MS = 250
const PRODUCTS_MAX = 10_000

type Known = { readonly fee: Fee | null; readonly toldAt: Instant; askedAt: Instant }

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
        const known = { fee: feeOf(product, terms), toldAt: askedAt, askedAt }
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
    async feesOf(ids) {
      const fees = new Map<string, Fee>()
      for (const { id, product } of (await directory.accounts(ids)).values()) {
        if (product === null) continue // nobody pays out of a clearing account
        const known = await current(product)
        if (known === null) return 'unknown'
        if (known.fee !== null) fees.set(id, known.fee)
      }
      return fees
    },
  }
}

function feeOf(product: string, { version, fee }: ProductTerms): Fee | null {
  if (fee.kind === 'none') return null
  const amount = parseMoney(fee.amount)
  assert(typeof amount !== 'string' && amount.minor > 0n, `the fee of ${product} is money above zero`)
  return { amount, product, version }
}
