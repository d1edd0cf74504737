import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shardOf } from '../../src/services/cash-flow/shards.ts'
import { copyDatabase } from '../support/shared-start.ts'
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
  copyDatabase('migrated', folder)
  return { at: join(folder, 'database'), remove: () => rm(folder, { recursive: true, force: true }) }
}

/** At it rounding leaves something over most of the time; it holds for longer than a round. */
const RATE = { from: 'CNY', to: 'USD', rate: '0.1397' }
const RATE_MS = 24 * 3_600_000

export type Opened = {
  readonly accounts: MemberAccount[]
  /** The account of each member in another currency, with nothing in it. */
  readonly dollars: ReadonlyMap<string, string>
  readonly told: Map<string, number>
}

/** Two accounts in each shard, with money in each, one in another currency, and a rate; and the events that tell of it. */
export async function openAccounts(calls: Calls): Promise<Opened> {
  const accounts: MemberAccount[] = []
  const dollars = new Map<string, string>()
  const told = new Map<string, number>()
  const by = { claims: operator, headers: {} }
  const byShard = membersByShard()
  const expiresAt = new Date(Date.now() + RATE_MS).toISOString()
  const rate = await calls.send({ ...by, key: 'rate', path: '/v1/exchange-rates', body: { ...RATE, expiresAt } })
  if (rate?.status !== 201) throw new Error(`no rate could be set: ${rate?.text}`)
  await each(byShard, async (member) => {
    const body = { member, product: 'prd_basic', currency: 'USD' }
    const opened = await calls.send({ ...by, key: `dollars-${member}`, path: '/v1/accounts', body })
    if (opened?.status !== 201) throw new Error(`no account could be opened: ${opened?.text}`)
    dollars.set(member, opened.body.id ?? '')
  })
  const members = byShard.flatMap((member) => Array<string>(ACCOUNTS_A_SHARD).fill(member))
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
  return { accounts: accounts.sort((a, b) => (a.id < b.id ? -1 : 1)), dollars, told }
}

function membersByShard(): string[] {
  const members = new Map<number, string>()
  for (let at = 0; members.size < SHARDS; at++) members.set(shardOf(`mem_chaos${at}`, SHARDS), `mem_chaos${at}`)
  return [...members.values()]
}
