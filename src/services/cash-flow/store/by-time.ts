import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Row, Sql, Statement } from '../../../platform/database.ts'
import type { Account } from '../model.ts'

type Place = Pick<Account, 'id' | 'shard'>

const IN_MONTH = 'shard = $1 AND account = $2 AND recorded_at >= $4 AND recorded_at < $5'

/** Nothing is recorded later, and no month of PostgreSQL's has a longer name. */
const LATEST = Date.UTC(9999, 11, 31)

/**
 * The last entry of an account that was recorded by a time (`<=`), or before it (`<`). Its entries are in the order of their
 * versions, so are their times, and versions have no gaps.
 */
export async function lastEntry(sql: Sql, account: Place, than: '<=' | '<', at: Instant): Promise<Row | null> {
  const { text, values } = searchMonth(account, than, at)
  const [found] = await sql.query(text, values)
  if (found !== undefined) return found
  const [older] = await sql.query(
    'SELECT * FROM entry WHERE shard = $1 AND account = $2 AND recorded_at < $3 ORDER BY version DESC LIMIT 1',
    [account.shard, account.id, toRfc3339(monthAround(at).from)],
  )
  return older ?? null
}

/**
 * The last entry of the time's month by then: halves what may be it, the versions from `low` up to `high`, until one is left;
 * what is not in the month is of an earlier one. All steps are in one partition. An index by time would cost each entry as much
 * as its row.
 */
export function searchMonth({ id, shard }: Place, than: '<=' | '<', at: Instant): Statement {
  const { from, to } = monthAround(at)
  const text = `WITH RECURSIVE search (low, high) AS (
      (SELECT 0::bigint, version FROM entry WHERE ${IN_MONTH} ORDER BY version DESC LIMIT 1)
      UNION ALL
      SELECT CASE WHEN is_late THEN low ELSE (low + high + 1) / 2 END, CASE WHEN is_late THEN (low + high - 1) / 2 ELSE high END
      FROM search LEFT JOIN LATERAL (
        SELECT NOT recorded_at ${than} $3 AS is_late FROM entry WHERE ${IN_MONTH} AND version = (low + high + 1) / 2
      ) AS probe ON true WHERE low < high
    )
    SELECT entry.* FROM search JOIN entry ON version = low WHERE low = high AND ${IN_MONTH}`
  return { text, values: [shard, id, toRfc3339(at), toRfc3339(from), toRfc3339(to)] }
}

/** The month, UTC, that a time is in: `from` is in it, `to` is not. */
function monthAround(at: Instant): { readonly from: Instant; readonly to: Instant } {
  const time = new Date(Math.min(at, LATEST))
  const begin = (months: number) => Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + months)
  return { from: begin(0) as Instant, to: Math.min(begin(1), LATEST) as Instant }
}
