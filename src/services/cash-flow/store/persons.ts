import type { Instant } from '../../../kernel/clock.ts'
import { money } from '../../../kernel/money.ts'
import type { Sql } from '../../../platform/database.ts'
import type { Account, CreditLine, Entry, Operation } from '../model.ts'
import { readAccounts } from './accounts.ts'
import { toEntry } from './entries.ts'
import { readOperations } from './operations.ts'

/** A member's accounts with the versions they were at, and the chains' heads, all of one moment. */
export type Standpoint = {
  readonly heads: readonly { readonly shard: number; readonly seq: number; readonly hash: string }[]
  readonly accounts: readonly { readonly id: string; readonly version: number; readonly product: string }[]
}

/** One statement, so that it is one snapshot: a batch writes heads and balances together. */
export async function standpointOf(sql: Sql, member: string): Promise<Standpoint> {
  const [row] = await sql.query<{ heads: Standpoint['heads']; accounts: Standpoint['accounts'] | null }>(
    `SELECT
       (SELECT json_agg(json_build_object('shard', shard, 'seq', seq, 'hash', hash) ORDER BY shard) FROM shard) AS heads,
       (SELECT json_agg(json_build_object('id', id, 'version', version, 'product', product) ORDER BY id)
        FROM account JOIN balance ON balance.account = account.id WHERE member = $1) AS accounts`,
    [member],
  )
  return { heads: row?.heads ?? [], accounts: row?.accounts ?? [] }
}

/** Entries of an account above one version and up to another, oldest first. */
export async function listEntriesUpTo(
  sql: Sql,
  { id, shard }: Pick<Account, 'id' | 'shard'>,
  { after, upTo }: { readonly after: number; readonly upTo: number },
  limit: number,
): Promise<readonly Entry[]> {
  const rows = await sql.query(
    `SELECT * FROM entry WHERE shard = $1 AND account = $2 AND version > $3 AND version <= $4 ORDER BY version LIMIT $5`,
    [shard, id, after, upTo, limit],
  )
  return rows.map(toEntry)
}

export type RateTaken = { readonly rate: string; readonly rateVersion: number }

/** At which rates these exchanges were made. */
export async function ratesOf(sql: Sql, exchanges: readonly string[]): Promise<ReadonlyMap<string, RateTaken>> {
  if (exchanges.length === 0) return new Map()
  const rows = await sql.query<{ id: string; rate: string; version: bigint }>(
    'SELECT id, rate, rate_version AS version FROM exchange WHERE id = ANY($1)',
    [exchanges],
  )
  return new Map(rows.map(({ id, rate, version }) => [id, { rate, rateVersion: Number(version) }]))
}

/** The credit lines of a member's accounts behind one of them, in order. */
export async function listCreditLinesOf(
  sql: Sql,
  member: string,
  after: { readonly account: string; readonly version: number },
  limit: number,
): Promise<readonly CreditLine[]> {
  const rows = await sql.query(
    `SELECT credit_line.*, currency FROM credit_line JOIN account ON account.id = credit_line.account
     WHERE member = $1 AND (credit_line.account, credit_line.version) > ($2::text, $3::bigint)
     ORDER BY credit_line.account, credit_line.version LIMIT $4`,
    [member, after.account, after.version, limit],
  )
  return rows.map((row) => ({
    account: row['account'] as string,
    version: Number(row['version']),
    amount: money(row['currency'] as Account['currency'], row['amount'] as bigint),
    reason: row['reason'] as string,
    setBy: row['set_by'] as string,
    afterVersion: Number(row['after_version']),
    at: row['at'] as Instant,
  }))
}

/** Operations of a member that are rows of their own, by id: those that were not over at once. */
export async function listOperationsOf(
  sql: Sql,
  member: string,
  after: string,
  limit: number,
): Promise<readonly Operation[]> {
  const rows = await sql.query<{ id: string }>(
    'SELECT id FROM operation WHERE member = $1 AND id > $2 ORDER BY id LIMIT $3',
    [member, after, limit],
  )
  const ids = rows.map(({ id }) => id)
  const found = await readOperations(sql, ids)
  return ids.flatMap((id) => found.get(id) ?? [])
}

/** A request of a member and what it was first answered, where that is kept beside the ledger. */
export type AnsweredRequest = { readonly key: string; readonly at: Instant; readonly answer: unknown }

export function listAnswersOf(
  sql: Sql,
  member: string,
  after: string,
  limit: number,
): Promise<readonly AnsweredRequest[]> {
  return sql.query<AnsweredRequest>(
    'SELECT key, at, answer FROM answer WHERE owner = $1 AND key > $2 ORDER BY key LIMIT $3',
    [member, after, limit],
  )
}

export async function findAccountOf(sql: Sql, member: string, id: string): Promise<Account | null> {
  const [account] = await readAccounts(sql, [id])
  return account?.member === member ? account : null
}
