import { assert } from '../../../kernel/assert.ts'
import { toRfc3339 } from '../../../kernel/clock.ts'
import type { Statement } from '../../../platform/database.ts'
import type { Notice } from '../append.ts'
import { clearingAccountsOf } from '../shards.ts'

/** What keeps a notice. The texts are few, and prepared. */
export function statementsOfNotice(notice: Notice): readonly Statement[] {
  const at = toRfc3339(notice.at)
  if (notice.kind === 'shards') return openShards(notice.count, at)
  if (notice.kind === 'account') {
    const { id, shard, member, product, currency } = notice.account
    return [{ text: OPEN_ACCOUNT, values: [id, member, product, currency, at, shard] }]
  }
  const { pair, version, rate, expiresAt, setBy } = notice.rate
  return [{ text: SET_RATE, values: [pair, version, JSON.stringify({ rate, expiresAt }), setBy, at] }]
}

const OPEN_ACCOUNT = `WITH opened AS (
    INSERT INTO account (id, kind, member, product, currency, opened_at, shard) VALUES ($1, 'member', $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING RETURNING id)
  INSERT INTO balance (account, overdraft) SELECT id, 0 FROM opened`

/** As `createVersionedRecords` reads it. */
const SET_RATE = `INSERT INTO record_version (kind, id, version, data, rollback_of, actor, recorded_at)
  VALUES ('rate', $1, $2, $3::jsonb, NULL, $4, $5)`

/** Those that are there stay. */
function openShards(count: number, at: string): readonly Statement[] {
  assert(count > 0, 'there is a shard')
  const shards = Array.from({ length: count }, (_, shard) => shard)
  const accounts = shards.flatMap((shard) => clearingAccountsOf(shard).map((account) => ({ ...account, shard })))
  const ids = accounts.map(({ id }) => id)
  return [
    { text: OPEN_SHARDS, values: [shards.map(String)] },
    {
      text: OPEN_CLEARING,
      values: [ids, accounts.map(({ currency }) => currency), accounts.map(({ shard }) => `${shard}`), at],
    },
    { text: OPEN_BALANCES, values: [ids] },
  ]
}

const OPEN_SHARDS = 'INSERT INTO shard (shard) SELECT unnest($1::smallint[]) ON CONFLICT DO NOTHING'
const OPEN_CLEARING = `INSERT INTO account (id, kind, currency, opened_at, shard)
  SELECT id, 'clearing', currency, $4::timestamptz, shard FROM unnest($1::text[], $2::text[], $3::smallint[]) AS made (id, currency, shard)
  ON CONFLICT DO NOTHING`
const OPEN_BALANCES = 'INSERT INTO balance (account) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING'
