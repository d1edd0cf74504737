import { newId } from '../../../src/kernel/id.ts'
import { money } from '../../../src/kernel/money.ts'
import { asOperator, type Claims } from '../../support/caller.ts'
import { statementXml, type ToldLine } from '../../support/statements.ts'
import { accountOf, type Harness, until } from './harness.ts'

export const asOther: Claims = { principal: { kind: 'operator', id: 'op_otto', scopes: ['operator'] } }

export const asThird: Claims = { principal: { kind: 'operator', id: 'op_tessa', scopes: ['operator'] } }

export type Paid = {
  readonly batch: string
  readonly payout: string
  readonly minor: bigint
  readonly member: string
}

/** What operators do between a payout and the end of a break, by a settlement that is started later. */
export function reconciling(harness: () => Harness) {
  let statements = 0

  /** Payouts that the bank was asked for, one for each member. */
  const pay = async (...amounts: readonly (readonly [member: string, minor: bigint])[]): Promise<Paid[]> => {
    harness().clock.advance(1)
    await harness().post(...amounts.map(([to, minor]) => ({ from: 'mem_payer', to, amount: money('CNY', minor) })))
    const cutOff = new Date(harness().clock.now()).toISOString()
    const paid: Paid[] = []
    for (const [member, minor] of amounts) {
      const { body } = await harness().closeBatch(member, cutOff)
      paid.push({ batch: body.id, payout: body.payout, minor, member })
    }
    for (const { batch } of paid) await batchIs(batch, 'paid')
    return paid
  }
  const batchIs = (id: string, state: string) =>
    until(async () => {
      harness().clock.advance(1)
      return (await harness().readBatch(id)).body.state === state
    })
  const told = ({ payout, minor, member }: Paid, more: Partial<ToldLine> = {}): ToldLine => ({
    ...{ amount: minor, reference: payout, party: accountOf(member), on: '2026-03-01' },
    ...more,
  })
  const put = (xml: Uint8Array, caller: Claims = asOperator) => harness().callXml('/v1/statements', caller, xml)
  const statement = (lines: readonly ToldLine[], to = soon()) => statementXml(`S-${++statements}`, lines, { to })
  const soon = () => new Date(harness().clock.now() + 1_000).toISOString()
  const explain = async (id: string) => {
    const sent = { resolution: 'explained', reason: 'not ours' }
    await harness().call('POST', `/v1/breaks/${id}/propose`, asOperator, { body: sent })
    await harness().call('POST', `/v1/breaks/${id}/approve`, asOther, { body: { version: 2 } })
  }
  /** What one proposes and another approves; the answer to the second, or the refusal of the first. */
  const decide = async (id: string, resolution: string) => {
    const sent = { resolution, reason: 'two people say so' }
    const proposed = await harness().call('POST', `/v1/breaks/${id}/propose`, asOperator, { body: sent })
    if (proposed.status !== 200) return proposed
    const { version } = proposed.body
    return harness().call('POST', `/v1/breaks/${id}/approve`, asOther, { body: { version } })
  }
  /** A batch that is closed, whatever becomes of it. */
  const closeOne = async (member: string, minor: bigint): Promise<Paid> => {
    harness().clock.advance(1)
    await harness().post({ from: 'mem_payer', to: member, amount: money('CNY', minor) })
    const { body } = await harness().closeBatch(member, new Date(harness().clock.now()).toISOString())
    return { batch: body.id, payout: body.payout, minor, member }
  }
  /** Which payouts are in one file is a matter of timing; these alone are, then. @returns the file's id */
  const inOneFile = (paid: readonly Paid[]): Promise<string> =>
    harness().database.transaction(async (sql) => {
      const [id, ids] = [newId('paymentFile', harness().clock.now()), paid.map(({ payout }) => payout)]
      await sql.query(
        `INSERT INTO payment_file (id, currency, digest, xml, state, next_try_at, created_at)
         SELECT $1, currency, digest, xml, state, next_try_at, created_at FROM payment_file
         WHERE id = (SELECT file FROM payout WHERE id = $2)`,
        [id, ids[0] ?? ''],
      )
      await sql.query('UPDATE payout SET file = $1 WHERE id = ANY($2)', [id, ids])
      return id
    })
  const breaksOf = async (reconciliation: string) =>
    (await harness().call('GET', `/v1/breaks?reconciliation=${reconciliation}&limit=100`, asOperator)).body.items

  return { pay, batchIs, told, put, statement, breaksOf, explain, decide, closeOne, inOneFile }
}
