import { assert } from '../../src/kernel/assert.ts'
import type { MakeTransfer } from '../ledger/peer.ts'

/** One prepared call, which is its own transaction; the procedure stands with the tables. */
export const procedureTransfer: MakeTransfer = async (client, { key, from, to, amount }, reply) => {
  const text = 'SELECT make_transfer($1, $2, $3, $4, $1, $5) AS made'
  const { rows } = await client.query({ name: 'make', text, values: [key, from.id, to.id, amount, reply] })
  assert(rows[0].made === 'done', 'no key of a bench is used twice')
}
