import { type Cidr, parseCidr } from '../../src/policy/lists/cidr.ts'
import { type CidrMap, cidrMapBuilder, ownersOf } from '../../src/policy/lists/cidr-map.ts'
import { seededRandom } from '../random.ts'

/**
 * A list of a million address ranges: what it holds in memory and what a look-up takes, text in, answer out. In a process of
 * its own with --expose-gc, so that nothing else is counted. The last line on standard output is the result.
 */
const ENTRIES = 1_000_000
const LOOKUPS = 200_000
const ROUNDS = 9

const random = seededRandom(1)
const v4 = () => `${1 + random.below(223)}.${random.below(256)}.${random.below(256)}.${random.below(256)}`
const group = () => random.below(65_536).toString(16)
const v6 = () => `2001:${group()}:${group()}:${group()}::1`

function measure(rangeText: () => string, addressText: () => string) {
  const before = heldBytes()
  const startedAt = performance.now()
  const map = build(rangeText)
  const buildMs = performance.now() - startedAt
  const mb = (heldBytes() - before) / 2 ** 20
  const addresses = Array.from({ length: LOOKUPS }, addressText)
  const rounds = Array.from({ length: ROUNDS }, () => {
    let found = 0
    const roundAt = performance.now()
    for (const address of addresses) if (ownersOf(map, address).length > 0) found += 1
    return { us: ((performance.now() - roundAt) * 1_000) / LOOKUPS, found }
  })
  const us = rounds.map((round) => round.us).sort((a, b) => a - b)[ROUNDS >> 1] ?? 0
  return { us, mb, buildMs, found: rounds[0]?.found ?? 0 }
}

function build(rangeText: () => string): CidrMap {
  const builder = cidrMapBuilder()
  for (let entry = 0; entry < ENTRIES; entry++) builder.add(parseCidr(rangeText()) as Cidr, 0)
  return builder.build()
}

function heldBytes(): number {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const ofV4 = measure(() => `${v4().replace(/\d+$/, (part) => String(Number(part) & 252))}/30`, v4)
const ofV6 = measure(() => `${v6().replace(/::1$/, '::')}/64`, v6)
const textsBefore = heldBytes()
const texts = new Set(Array.from({ length: ENTRIES }, (_, entry) => `acc_${entry}`))
const strings = { entries: texts.size, mb: (heldBytes() - textsBefore) / 2 ** 20 }
console.log(JSON.stringify({ v4: ofV4, v6: ofV6, strings }))
