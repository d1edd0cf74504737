import assert from 'node:assert/strict'
import type { Database } from '../../../src/platform/database.ts'

/** What must hold in the ledger whatever happened; each statement finds the rows that break it. */
const BROKEN = {
  'I1: debits and credits are equal, in each shard and currency': `
    SELECT entry.shard, currency, sum(CASE direction WHEN 'debit' THEN amount ELSE -amount END) AS surplus
    FROM entry JOIN account ON account.id = entry.account
    WHERE phase = 'post' GROUP BY entry.shard, currency
    HAVING sum(CASE direction WHEN 'debit' THEN entry.amount ELSE -entry.amount END) <> 0`,
  'I1: each posted transfer has one debit and one credit of one amount, in each shard that it touches, and so its fee': `
    SELECT transfer.id, entry.shard FROM entry JOIN transfer ON transfer.id = entry.transfer JOIN account ON account.id = debit
    WHERE phase = 'post' GROUP BY transfer.id, fee, account.shard, entry.shard
    HAVING count(*) <> CASE WHEN fee IS NOT NULL AND account.shard = entry.shard THEN 4 ELSE 2 END
      OR array_agg(entry.amount ORDER BY entry.amount) FILTER (WHERE direction = 'debit')
        IS DISTINCT FROM array_agg(entry.amount ORDER BY entry.amount) FILTER (WHERE direction = 'credit')`,
  'I6: a transfer costs what it says once it is posted, and nothing before': `
    SELECT transfer.id FROM transfer LEFT JOIN entry ON entry.transfer = transfer.id AND phase = 'post'
    GROUP BY transfer.id, fee, debit
    HAVING coalesce(sum(entry.amount) FILTER (WHERE entry.account LIKE 'acc_fees_%'), 0)
      <> CASE WHEN bool_or(entry.account = debit) THEN coalesce(fee, 0) ELSE 0 END`,
  'I2: nothing was spent below the credit line of its time, with what is held counted': `
    SELECT id FROM (
      SELECT entry.*, lag(pending, 1, 0::bigint) OVER (PARTITION BY account ORDER BY version) AS before FROM entry
    ) AS entry
    WHERE account IN (SELECT id FROM account WHERE kind = 'member')
      AND (phase = 'reserve' OR (phase = 'post' AND direction = 'debit' AND pending = before))
      AND posted - pending < -coalesce((SELECT amount FROM credit_line AS line
        WHERE line.account = entry.account AND after_version < entry.version ORDER BY line.version DESC LIMIT 1), 0)`,
  'I2: no less than nothing was ever held': `SELECT id FROM entry WHERE pending < 0`,
  'I2: the floor of an account is its newest credit line': `
    SELECT account FROM balance WHERE overdraft <> coalesce((SELECT amount FROM credit_line AS line
      WHERE line.account = balance.account ORDER BY line.version DESC LIMIT 1), 0)`,
  'I4: credit lines are numbered 1 to n without a gap': `
    SELECT account FROM credit_line GROUP BY account HAVING max(version) <> count(*) OR min(version) <> 1`,
  'I3: a transfer that answers a request is posted, and its operation and answer are not kept beside it': `
    SELECT transfer.id FROM transfer LEFT JOIN operation ON operation.id = transfer.operation
      LEFT JOIN answer ON answer.owner = maker AND answer.key = transfer.key
    WHERE transfer.key IS NOT NULL
      AND (held_by IS NOT NULL OR transfer.operation IS NULL OR operation.id IS NOT NULL OR answer.key IS NOT NULL)`,
  'a transfer is between two accounts': `
    SELECT id FROM transfer WHERE debit NOT IN (SELECT id FROM account) OR credit NOT IN (SELECT id FROM account)`,
  'I3: a key has one operation, and its transfer at most one': `
    SELECT operation FROM transfer WHERE operation IS NOT NULL GROUP BY operation HAVING count(*) > 1`,
  'I4: versions of an account are 1 to n without a gap': `
    SELECT account FROM entry GROUP BY account HAVING max(version) <> count(*) OR min(version) <> 1`,
  'I4: the last entry of an account has its balance': `
    SELECT balance.account FROM balance LEFT JOIN entry ON entry.account = balance.account AND entry.version = balance.version
    WHERE balance.version > 0
      AND (entry.posted IS NULL OR entry.posted <> balance.posted OR entry.pending <> balance.pending)`,
  'I4: balances are what their entries sum up to': `
    SELECT balance.account FROM balance LEFT JOIN entry ON entry.account = balance.account
    GROUP BY balance.account, balance.posted
    HAVING balance.posted <> coalesce(sum(CASE WHEN phase <> 'post' THEN 0 WHEN direction = 'credit' THEN amount ELSE -amount END), 0)`,
  'I5: what was posted and released of a resolved hold is what was held': `
    SELECT transfer.id FROM hold_resolution JOIN transfer ON hold IN (transfer.id, part_of)
    JOIN entry ON entry.transfer = transfer.id AND entry.account = debit
    WHERE hold NOT IN (SELECT transfer FROM crossing)
    GROUP BY transfer.id HAVING sum(CASE phase WHEN 'reserve' THEN entry.amount ELSE -entry.amount END) <> 0`,
  'I5: an open hold has its reservation and nothing else': `
    SELECT transfer.id FROM transfer JOIN entry ON entry.transfer = transfer.id
    WHERE held_by IS NOT NULL AND coalesce(part_of, transfer.id) NOT IN (SELECT hold FROM hold_resolution)
    GROUP BY transfer.id HAVING count(*) <> 1 OR min(phase) <> 'reserve'`,
  'I5: an open hold has a timer, and only an open one': `
    SELECT id FROM transfer WHERE held_by IS NOT NULL AND part_of IS NULL
      AND (id IN (SELECT hold FROM hold_resolution)) = (id IN (SELECT hold FROM hold_timer))`,
  'I6: all money that is inside came from the outside': `
    SELECT currency FROM account JOIN balance ON balance.account = account.id GROUP BY currency HAVING sum(posted) <> 0`,
  'I6: what is pending is what open holds reserve, and what is on its way to other shards': `
    SELECT balance.account FROM balance
    LEFT JOIN (
      SELECT debit AS account, amount + coalesce(fee, 0) AS amount FROM transfer
      WHERE held_by IS NOT NULL AND legs IS NULL AND coalesce(part_of, id) NOT IN (SELECT hold FROM hold_resolution)
      UNION ALL SELECT debit, CASE WHEN part_of IS NULL THEN crossing.amount ELSE part.amount END + coalesce(fee, 0)
      FROM crossing JOIN transfer AS part ON crossing.transfer IN (part.id, part.part_of) WHERE part.legs IS NULL
    ) AS reserved USING (account)
    GROUP BY balance.account, balance.pending HAVING balance.pending <> coalesce(sum(amount), 0)`,
  'I6: what is counted of a day and a month is what transfers of them took, less what was given back': `
    SELECT balance.account, period.from FROM balance
    CROSS JOIN LATERAL (VALUES (day_from, day_spent), (month_from, month_spent)) AS period ("from", spent)
    LEFT JOIN LATERAL (
      SELECT sum(CASE outcome WHEN 'captured' THEN CASE WHEN part_of IS NULL THEN captured ELSE amount END ELSE 0 END)
        FILTER (WHERE outcome IS NOT NULL) AS resolved, sum(amount) FILTER (WHERE outcome IS NULL) AS untouched
      FROM transfer LEFT JOIN hold_resolution ON hold = coalesce(part_of, id)
      WHERE kind = 'transfer' AND legs IS NULL AND debit = balance.account AND created_at >= period.from
    ) AS taken ON true
    WHERE period.spent <> coalesce(resolved, 0) + coalesce(untouched, 0)`,
  'I6: what lies in transit is what withdrawals took that have not ended': `
    SELECT currency FROM account JOIN balance ON balance.account = account.id WHERE id LIKE 'acc_transit_%'
    GROUP BY currency HAVING sum(posted) <> coalesce((SELECT sum(amount) FROM transfer WHERE kind = 'withdrawal'
      AND transfer.currency = account.currency AND id NOT IN (SELECT withdrawal FROM withdrawal_end)), 0)`,
  'I6: the parts of an exchange are its own, and within one minor unit of the rate': `
    SELECT exchange.id FROM exchange
    JOIN transfer AS paid ON paid.id = exchange.paid JOIN transfer AS received ON received.id = exchange.received
    LEFT JOIN transfer AS rounding ON rounding.id = exchange.rounding
    CROSS JOIN LATERAL (SELECT paid.amount * exchange.rate::numeric AS exact, coalesce(rounding.amount, 0) AS cut) AS due
    WHERE paid.part_of <> exchange.id OR received.part_of <> exchange.id OR rounding.part_of <> exchange.id
      OR received.amount > exact OR received.amount + cut < exact OR received.amount + cut >= exact + 1`,
  'I6: the list of what is in transit is what has not ended': `
    SELECT id FROM transfer WHERE kind = 'withdrawal'
      AND (id IN (SELECT withdrawal FROM withdrawal_end)) = (id IN (SELECT withdrawal FROM in_transit))`,
  'I6: what lies between the shards is what has arrived and is not posted yet': `
    SELECT currency FROM account JOIN balance ON balance.account = account.id WHERE id LIKE 'acc_between_%'
    GROUP BY currency HAVING sum(posted) <> -coalesce(
      (SELECT sum(CASE WHEN part_of IS NULL THEN crossing.amount ELSE part.amount END)
       FROM crossing JOIN transfer AS part ON crossing.transfer IN (part.id, part.part_of)
       JOIN arrival ON arrival.transfer = part.id WHERE crossing.currency = account.currency), 0)`,
  'I6: a transfer with legs has them all, of one member, and they come to its amount': `
    SELECT whole.id FROM transfer AS whole JOIN transfer AS leg ON leg.part_of = whole.id JOIN account ON account.id = leg.debit
    WHERE whole.legs IS NOT NULL GROUP BY whole.id, whole.legs, whole.amount
    HAVING count(*) <> whole.legs OR sum(leg.amount) <> whole.amount OR count(DISTINCT member) <> 1`,
  'I6: the legs of a transfer are posted together or not at all': `
    SELECT whole.id FROM transfer AS whole JOIN transfer AS leg ON leg.part_of = whole.id
    LEFT JOIN entry ON entry.transfer = leg.id AND entry.account = leg.debit AND phase = 'post'
    WHERE whole.legs IS NOT NULL GROUP BY whole.id HAVING count(entry.id) NOT IN (0, count(*))`,
  'I6: a transfer with legs moves nothing by itself': `
    SELECT transfer.id FROM transfer JOIN entry ON entry.transfer = transfer.id WHERE legs IS NOT NULL`,
  'I9: the journal of each shard is numbered without a gap, and each hash follows on the one before': `
    SELECT shard, seq FROM (
      SELECT *, lag(hash, 1, '') OVER w AS before, row_number() OVER w AS number FROM journal WINDOW w AS (PARTITION BY shard ORDER BY seq)
    ) AS chain WHERE previous <> before OR seq <> number`,
  'I9: a shard stands where its journal ends': `
    SELECT shard.shard FROM shard LEFT JOIN journal ON journal.shard = shard.shard AND journal.seq = shard.seq
    WHERE shard.seq > 0 AND journal.hash IS DISTINCT FROM shard.hash`,
  'I9: times do not go back while versions go on': `
    SELECT account, version FROM (
      SELECT *, lag(recorded_at) OVER (PARTITION BY account ORDER BY version) AS before FROM entry
    ) AS chain WHERE recorded_at < before`,
  'I8: what failed or was refused moved nothing': `
    SELECT operation.id FROM operation JOIN operation_state s ON s.operation = operation.id
    JOIN transfer ON operation.transfer IN (transfer.id, part_of) JOIN entry ON entry.transfer = transfer.id
    WHERE s.state = 'failed' AND entry.phase = 'post'`,
  'I8: an operation changes once out of each state, and never out of a final one': `
    SELECT a.operation FROM operation_state a JOIN operation_state b ON b.operation = a.operation AND b.version > a.version
    WHERE a.state IN ('succeeded', 'failed') OR a.state = b.state`,
  'I8: an operation that succeeded has its transfer posted': `
    SELECT s.operation FROM operation_state s JOIN operation ON operation.id = s.operation
    WHERE s.state = 'succeeded' AND operation.transfer NOT IN (
      SELECT coalesce(part_of, transfer.id) FROM entry JOIN transfer ON transfer.id = entry.transfer WHERE phase = 'post')`,
} as const

/** Looks for anything in the ledger that breaks an invariant, as it is at one moment. */
export async function assertSound(database: Database): Promise<void> {
  const found = await database.transaction(async (sql) => {
    await sql.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
    const rows = new Map<string, readonly object[]>()
    for (const [invariant, statement] of Object.entries(BROKEN)) rows.set(invariant, await sql.query(statement))
    return rows
  })
  for (const [invariant, rows] of found) assert.deepEqual(rows, [], invariant)
}
