import { assert } from '../../src/kernel/assert.ts'
import type { MakeTransfer } from '../ledger/peer.ts'

/** As most write it: a transaction with the server, a prepared statement for each step, locks in the order of ids. */
export const interactiveTransfer: MakeTransfer = async (client, { key, from, to, amount }, reply) => {
  const run = (name: string, text: string, values: unknown[]) => client.query({ name, text, values })
  await client.query('BEGIN')
  const { rowCount } = await run(
    'answer',
    'INSERT INTO answer (owner, key, digest, answer) VALUES ($1, $2, $2, $3) ON CONFLICT DO NOTHING',
    [from.id, key, reply],
  )
  assert(rowCount === 1, 'no key of a bench is used twice')
  const { rows } = await run('lock', 'SELECT * FROM account WHERE id IN ($1, $2) ORDER BY id FOR UPDATE', [
    from.id,
    to.id,
  ])
  const [payer, payee] = [from, to].map(({ id }) => rows.find((row) => row.id === id))
  const [paid, got] = [BigInt(payer.posted) - amount, BigInt(payee.posted) + amount]
  assert(paid >= 0n, 'no account of a bench runs dry')
  const versions = [BigInt(payer.version) + 1n, BigInt(payee.version) + 1n]
  await run(
    'transfer',
    "INSERT INTO transfer (id, debit, credit, amount, reference) VALUES ($1, $2, $3, $4, 'bench')",
    [...[key, from.id, to.id, amount]],
  )
  await run(
    'entries',
    `INSERT INTO entry (account, version, transfer, direction, amount, posted)
     VALUES ($1, $2, $3, 'debit', $4, $5), ($6, $7, $3, 'credit', $4, $8)`,
    [from.id, versions[0], key, amount, paid, to.id, versions[1], got],
  )
  await run(
    'balances',
    `UPDATE account SET version = after.version, posted = after.posted
     FROM (VALUES ($1, $2::bigint, $3::bigint), ($4, $5, $6)) AS after (id, version, posted) WHERE account.id = after.id`,
    [from.id, versions[0], paid, to.id, versions[1], got],
  )
  await run('event', "INSERT INTO outbox (type, subject, data) VALUES ('transfer.posted', $1, $2)", [key, reply])
  await client.query('COMMIT')
}
