import { randomUUID } from 'node:crypto'
import { assert } from '../../src/kernel/assert.ts'
import { inOnePiece } from '../../src/kernel/one-piece.ts'
import { shardOf } from '../../src/services/cash-flow/shards.ts'
import { type Random, seededRandom } from '../random.ts'

export const SHARDS = 4
const ACCOUNTS = 500

/** An account of the bench; whose contender knows no shards has no use for one. */
export type Account = { readonly id: string; readonly member: string; readonly shard: number }

/** One transfer to be made, of minor units, under a key of its own. */
export type Wish = {
  readonly key: string
  readonly from: Account
  readonly to: Account
  readonly amount: bigint
}

/** The same accounts for every contender, each of a member of its own. */
export const accounts: readonly Account[] = Array.from({ length: ACCOUNTS }, (_, index) => {
  const member = inOnePiece(`mem_bench_${index}`)
  return { id: inOnePiece(`acc_bench_${index}`), member, shard: shardOf(member, SHARDS) }
})

/** Accounts whose members have tokens: `BENCH_MEMBER` and a number is what these are called. */
export const BENCH_MEMBER = 'mem_bench'
export const httpAccounts: readonly Account[] = accounts.map((_, index) => {
  const member = `${BENCH_MEMBER}${index}`
  return { id: `acc_http_${index}`, member, shard: shardOf(member, SHARDS) }
})

/**
 * Transfers without end, every second one across shards. `hot`: one account is at an end of half of all, as payer and as payee,
 * across shards and within.
 */
export function wishes(kind: 'uniform' | 'hot', among: readonly Account[] = accounts): () => Wish {
  const random = seededRandom(7)
  const byShard = Array.from({ length: SHARDS }, (_, shard) => among.filter((account) => account.shard === shard))
  const [hot] = among
  assert(hot !== undefined, 'there are accounts')
  let made = 0
  return () => {
    const nth = made++
    const one = kind === 'hot' && (nth & 2) === 0 ? hot : pick(random, among)
    const crosses = (nth & 1) === 1
    const shard = crosses ? (one.shard + 1 + random.below(SHARDS - 1)) % SHARDS : one.shard
    const other = pickOther(random, byShard[shard] ?? [], one)
    const [from, to] = (nth & 4) === 0 ? [one, other] : [other, one]
    return { key: randomUUID(), from, to, amount: BigInt(1 + random.below(1_000)) }
  }
}

function pickOther(random: Random, among: readonly Account[], than: Account): Account {
  for (;;) {
    const account = pick(random, among)
    if (account !== than) return account
  }
}

function pick(random: Random, among: readonly Account[]): Account {
  const account = among[random.below(among.length)]
  assert(account !== undefined, 'there are accounts in each shard')
  return account
}
