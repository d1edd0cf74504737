import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import { money } from '../../../kernel/money.ts'
import type { Row, Sql, Statement } from '../../../platform/database.ts'
import type { Account, CreditLine } from '../model.ts'
import type { Columns } from './columns.ts'

/** How many credit lines each of these accounts has had; none is not named. */
export async function countCreditLines(sql: Sql, accounts: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (accounts.length === 0) return new Map()
  const rows = await sql.query(
    'SELECT account, max(version) AS version FROM credit_line WHERE account = ANY($1) GROUP BY account',
    [accounts],
  )
  return new Map(rows.map(({ account, version }) => [account as string, Number(version)]))
}

/** The credit lines of an account below a version, newest first. */
export async function listCreditLines(
  sql: Sql,
  account: Account,
  below: number | null,
  limit: number,
): Promise<readonly CreditLine[]> {
  const rows = await sql.query(
    `SELECT * FROM credit_line WHERE account = $1 AND ($2::bigint IS NULL OR version < $2) ORDER BY version DESC LIMIT $3`,
    [account.id, below, limit],
  )
  return rows.map((row) => toCreditLine(row, account))
}

/** The credit line that was in force at a time, or by which the entry with a version was decided, in minor units. */
export async function readCreditLine(
  sql: Sql,
  account: string,
  when: { readonly at: Instant } | { readonly version: number },
): Promise<bigint> {
  const [row] =
    'at' in when
      ? await sql.query(
          'SELECT amount FROM credit_line WHERE account = $1 AND at <= $2 ORDER BY version DESC LIMIT 1',
          [account, toRfc3339(when.at)],
        )
      : await sql.query(
          'SELECT amount FROM credit_line WHERE account = $1 AND after_version < $2 ORDER BY version DESC LIMIT 1',
          [account, when.version],
        )
  return row === undefined ? 0n : (row['amount'] as bigint)
}

/** Puts the floors of balances where these lines set them, before any balance goes there. */
export function setFloors({ elements }: Columns): Statement {
  const text = `UPDATE balance SET overdraft = newest.amount, overdraft_max = greatest(overdraft_max, newest.largest)
     FROM (
       SELECT DISTINCT ON (account) account, amount, max(amount) OVER (PARTITION BY account) AS largest
       FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS line (account, version, amount) ORDER BY account, version DESC
     ) AS newest
     WHERE balance.account = newest.account`
  return { text, values: ['account', 'version', 'amount'].map((column) => `{${elements[column]}}`) }
}

/** Accounts whose floor is not where their newest line is. */
export async function listStrayFloors(sql: Sql): Promise<readonly string[]> {
  const rows = await sql.query<{ account: string }>(
    `SELECT balance.account FROM balance
     LEFT JOIN (SELECT DISTINCT ON (account) account, amount FROM credit_line ORDER BY account, version DESC) AS newest USING (account)
     WHERE overdraft <> coalesce(newest.amount, 0) ORDER BY 1`,
  )
  return rows.map(({ account }) => account)
}

function toCreditLine(row: Row, { currency }: Account): CreditLine {
  return {
    account: row['account'] as string,
    version: Number(row['version']),
    amount: money(currency, row['amount'] as bigint),
    reason: row['reason'] as string,
    setBy: row['set_by'] as string,
    afterVersion: Number(row['after_version']),
    at: row['at'] as Instant,
  }
}
