import type { Instant } from '../../../kernel/clock.ts'
import type { Currency } from '../../../kernel/money.ts'
import type { Row, Sql } from '../../../platform/database.ts'
import type { VersionChoice } from '../../../platform/versions.ts'
import type { OpenAccount } from '../books.ts'
import type { Spent } from '../limits.ts'
import type { Account, Balance } from '../model.ts'
import { lastEntry } from './by-time.ts'
import { readCreditLine } from './credit-lines.ts'

export async function readAccount(sql: Sql, id: string): Promise<OpenAccount | null> {
  const [row] = await sql.query('SELECT * FROM account JOIN balance ON balance.account = account.id WHERE id = $1', [
    id,
  ])
  return row === undefined ? null : toOpenAccount(row)
}

/** What never changes of these accounts. */
export async function readAccounts(sql: Sql, ids: readonly string[]): Promise<readonly Account[]> {
  return (await sql.query('SELECT * FROM account WHERE id = ANY($1)', [ids])).map(toAccount)
}

/** The balances now; only the writer of their shard changes them. */
export async function readBalances(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, Balance>> {
  const rows = await sql.query('SELECT * FROM balance WHERE account = ANY($1)', [ids])
  return new Map(rows.map((row) => [row['account'] as string, toOpenBalance(row)]))
}

/** The balance as it was: after the entry with that version, or the last entry by that time. Null: there was none yet. */
export async function readBalance(
  sql: Sql,
  { account, balance }: OpenAccount,
  choice: VersionChoice,
): Promise<Balance | null> {
  if (choice === 'newest') return balance
  if ('at' in choice && choice.at < account.openedAt) return null
  const overdraft = balance.overdraft === null ? null : await readCreditLine(sql, account.id, choice)
  const opened = { version: 0, posted: 0n, pending: 0n, overdraft, spent: null }
  if ('version' in choice && choice.version === 0) return opened
  const row = 'at' in choice ? await lastEntry(sql, account, '<=', choice.at) : await entryOf(sql, account, choice)
  if (row !== null) return { ...toBalance(row), overdraft, spent: null }
  return 'at' in choice ? opened : null
}

async function entryOf(
  sql: Sql,
  { id, shard }: Account,
  { version }: { readonly version: number },
): Promise<Row | null> {
  const text = 'SELECT * FROM entry WHERE shard = $1 AND account = $2 AND version = $3'
  return (await sql.query(text, [shard, id, version]))[0] ?? null
}

function toOpenAccount(row: Row): OpenAccount {
  return { account: toAccount(row), balance: toOpenBalance(row) }
}

function toAccount(row: Row): Account {
  return {
    id: row['id'] as string,
    shard: Number(row['shard']),
    kind: row['kind'] as Account['kind'],
    member: row['member'] as string | null,
    product: row['product'] as string | null,
    currency: row['currency'] as Currency,
    openedAt: row['opened_at'] as Instant,
  }
}

function toOpenBalance(row: Row): Balance {
  return { ...toBalance(row), overdraft: row['overdraft'] as bigint | null, spent: toSpent(row) }
}

/** What transfers have taken of each account, where any was counted. */
export async function readSpent(sql: Sql): Promise<ReadonlyMap<string, Spent>> {
  const rows = await sql.query('SELECT * FROM balance WHERE day_from IS NOT NULL')
  return new Map(
    rows.flatMap((row) => {
      const spent = toSpent(row)
      return spent === null ? [] : [[row['account'] as string, spent] as const]
    }),
  )
}

function toSpent(row: Row): Spent | null {
  if (row['day_from'] === null) return null
  return {
    day: { from: row['day_from'] as Instant, minor: row['day_spent'] as bigint },
    month: { from: row['month_from'] as Instant, minor: row['month_spent'] as bigint },
  }
}

function toBalance(row: Row): Omit<Balance, 'overdraft' | 'spent'> {
  return { version: Number(row['version']), posted: row['posted'] as bigint, pending: row['pending'] as bigint }
}
