import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { assert } from '../../src/kernel/assert.ts'
import type { Contender } from './contender.ts'
import { accounts, type Wish } from './transfers.ts'

const TABLES = new URL('../peers/ledger-tables.sql', import.meta.url)
const OPENING = 1_000_000_000_000n

/** What a peer does for one transfer, on a connection of its own; the text of the answer is made before. */
export type MakeTransfer = (client: pg.ClientBase, wish: Wish, reply: string) => Promise<void>

/** A ledger in a database of its own, with so many connections; each is used by one transfer at a time. */
export async function openPeer(name: string, url: string, connections: number, make: MakeTransfer): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url, max: connections })
  await pool.query(await readFile(TABLES, 'utf8'))
  const ids = accounts.map(({ id }) => id)
  await pool.query('INSERT INTO account (id, version, posted) SELECT unnest($1::text[]), 0, $2', [ids, OPENING])
  return {
    name,
    async transfer(wish) {
      const client = await pool.connect()
      try {
        const { key, from, to, amount } = wish
        await make(
          client,
          wish,
          JSON.stringify({ id: key, state: 'posted', from: from.id, to: to.id, amount: `${amount}` }),
        )
      } finally {
        client.release()
      }
    },
    async check(keys) {
      const { rows } = await pool.query(
        `SELECT (SELECT sum(posted) FROM account)::text AS money,
           (SELECT count(*) FROM transfer JOIN answer ON key = id JOIN outbox ON subject = id WHERE id = ANY($1))::int AS done,
           (SELECT count(*) FROM entry WHERE transfer = ANY($1))::int AS entries`,
        [keys],
      )
      const { money, done, entries } = rows[0]
      assert(money === `${OPENING * BigInt(ids.length)}`, `${name}: money adds up`)
      assert(
        done === keys.length && entries === 2 * keys.length,
        `${name}: ${keys.length} acknowledged, ${done} are there`,
      )
    },
    close: () => pool.end(),
  }
}
