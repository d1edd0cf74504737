import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shardOf } from '../../src/services/cash-flow/shards.ts'
import { copyEmptyDatabase } from '../support/shared-start.ts'
import { type Calls, operator } from './calls.ts'
import type { MortalPostgres } from './postgres-server.ts'
import { each } from './resolve.ts'
import type { MemberAccount } from './traffic.ts'

const SHARDS = 4
const ACCOUNTS_A_SHARD = 2
/** What each account begins with. */
export const OPENED = { minor: 100_000_000n, value: '1000000.00' }

/** A store of its own for one round: a new database on the server, or else a directory of PGlite. */
export async function openStore(
  postgres: MortalPostgres | null,
): Promise<{ readonly at: string; remove(): Promise<void> }> {
  if (postgres !== null) {
    const at = await postgres.createDatabase()
    return { at, remove: () => postgres.dropDatabase(at) }
  }
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-chaos-'))
  await copyEmptyDatabase(folder)
  return { at: join(folder, 'database'), remove: () => rm(folder, { recursive: true, force: true }) }
}

/** Two accounts in each shard, with money in each; and the events that tell of it. */
export async function openAccounts(calls: Calls): Promise<{ accounts: MemberAccount[]; told: Map<string, number> }> {
  const accounts: MemberAccount[] = []
  const told = new Map<string, number>()
  const by = { claims: operator, headers: {} }
  const members = membersByShard().flatMap((member) => Array<string>(ACCOUNTS_A_SHARD).fill(member))
  await each([...members.entries()], async ([at, member]) => {
    const body = { member, product: 'prd_basic', currency: 'CNY' }
    const opened = await calls.send({ ...by, key: `open-${at}`, path: '/v1/accounts', body })
    const id = opened?.body.id ?? ''
    const cash = { account: id, amount: { currency: 'CNY', value: OPENED.value }, reference: 'opening' }
    const deposit = await calls.send({ ...by, key: `cash-${at}`, path: '/v1/deposits', body: cash })
    if (deposit?.status !== 201) throw new Error(`no account could be opened: ${opened?.text} ${deposit?.text}`)
    accounts.push({ id, member, shard: shardOf(member, SHARDS) })
    told.set(`deposit.posted ${deposit.body.id}`, 1)
  })
  return { accounts: accounts.sort((a, b) => (a.id < b.id ? -1 : 1)), told }
}

function membersByShard(): string[] {
  const members = new Map<number, string>()
  for (let at = 0; members.size < SHARDS; at++) members.set(shardOf(`mem_chaos${at}`, SHARDS), `mem_chaos${at}`)
  return [...members.values()]
}
