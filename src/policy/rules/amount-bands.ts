import type { Money } from '../../kernel/money.ts'

/** Amounts of one currency from `from` on and below `below`; null for no bound. */
export type Band = { readonly currency: string; readonly from: bigint | null; readonly below: bigint | null }

/**
 * Numbers for bands and amounts, such that a band has an amount if and only if they share a number: a segment tree over
 * the bounds of all bands. A band has at most two numbers a level, an amount one: both have a few dozen, however many
 * bands there are and however they overlap.
 */
export type AmountBands = {
  ofBand(band: Band): readonly number[]
  ofAmount(amount: Money): readonly number[]
}

type Tree = { readonly bounds: readonly bigint[]; readonly leaves: number; readonly base: number }

export function amountBands(bands: readonly Band[]): AmountBands {
  const trees = new Map<string, Tree>()
  let base = 0
  for (const [currency, own] of Map.groupBy(bands, (band) => band.currency)) {
    const given = own.flatMap(({ from, below }) => [from, below]).filter((bound) => bound !== null)
    const bounds = [...new Set(given)].sort((a, b) => (a < b ? -1 : 1))
    const leaves = 2 ** Math.ceil(Math.log2(bounds.length + 1))
    trees.set(currency, { bounds, leaves, base })
    base += 2 * leaves
  }
  const ofBand: AmountBands['ofBand'] = (band) => {
    const tree = trees.get(band.currency)
    return tree === undefined ? [] : nodesOf(tree, band)
  }
  const used = new Uint8Array(base)
  for (const band of bands) for (const number of ofBand(band)) used[number] = 1
  return {
    ofBand,
    ofAmount({ currency, minor }) {
      const tree = trees.get(currency)
      if (tree === undefined) return []
      const numbers: number[] = []
      for (let node = tree.leaves + countUpTo(tree.bounds, minor); node > 0; node >>= 1) {
        if (used[tree.base + node] === 1) numbers.push(tree.base + node)
      }
      return numbers
    },
  }
}

/** The fewest nodes whose leaves are just those between the band's bounds. */
function nodesOf({ bounds, leaves, base }: Tree, { from, below }: Band): readonly number[] {
  const nodes: number[] = []
  let first = leaves + (from === null ? 0 : countUpTo(bounds, from))
  let last = leaves + (below === null ? bounds.length + 1 : countUpTo(bounds, below))
  for (; first < last; first >>= 1, last >>= 1) {
    if (first % 2 === 1) nodes.push(base + first++)
    if (last % 2 === 1) nodes.push(base + --last)
  }
  return nodes
}

/** How many of the bounds, which are sorted, are at most the value. */
function countUpTo(bounds: readonly bigint[], value: bigint): number {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((bounds[middle] ?? 0n) <= value) low = middle + 1
    else high = middle
  }
  return low
}
