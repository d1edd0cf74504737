import type { Database } from '../../src/platform/database.ts'
import { Rebuild } from '../../src/services/cash-flow/proof/rebuild.ts'
import { assertSound } from '../services/cash-flow/invariants.ts'

/** How much is still to be done by itself: crossings, accepted commands, decisions, holds whose time is over. */
export async function workLeft({ transaction }: Pick<Database, 'transaction'>): Promise<number> {
  const [left] = await transaction((sql) =>
    sql.query<{ work: bigint }>(
      `SELECT (SELECT count(*) FROM accepted_command) + (SELECT count(*) FROM crossing) + (SELECT count(*) FROM decision)
         + (SELECT count(*) FROM hold_timer WHERE expires_at <= now()) AS work`,
    ),
  )
  return Number(left?.work)
}

/** What is wrong with the ledger itself: its invariants, its journal beside its tables, a credit that came twice. */
export async function judge(database: Database): Promise<readonly string[]> {
  const findings: string[] = []
  await assertSound(database).catch((error: Error) => findings.push(error.message))
  const rebuild = await Rebuild.begin(database.transaction)
  await rebuild.run(new AbortController().signal)
  for (const { table, key, is, columns } of rebuild.rebuilt.differences)
    findings.push(`the journal tells otherwise: ${[table, key, is, ...columns].join(' ')}`)
  const doubled = await database.transaction((sql) =>
    sql.query<{ transfer: string }>(
      `SELECT transfer FROM entry JOIN account ON account.id = entry.account JOIN transfer AS made ON made.id = transfer
       WHERE account.kind = 'member' AND phase = 'post' GROUP BY transfer, direction, fee
       HAVING count(*) > CASE WHEN direction = 'debit' AND fee IS NOT NULL THEN 2 ELSE 1 END`,
    ),
  )
  return [...findings, ...doubled.map(({ transfer }) => `${transfer} was posted twice`)]
}
