import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startBank } from '../../src/sandbox/bank.ts'
import type { StandIn } from '../../src/sandbox/stand-in.ts'

describe('the bank', () => {
  let bank: StandIn
  const post = (path: string, body: unknown) =>
    fetch(bank.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const listed = async () => {
    const { items } = (await (await fetch(`${bank.url}/payouts`)).json()) as { items: { id: string }[] }
    return items.map(({ id }) => id)
  }
  const payout = (id: string, value = '10.00') => ({
    id,
    member: 'mem_alice',
    amount: { currency: 'CNY', value },
    reference: 'stb_1',
  })

  before(async () => {
    bank = await startBank({ host: '127.0.0.1', port: 0 })
  })
  after(() => bank.close())

  test('pays a payout once, however often it is asked', async () => {
    const first = await post('/payouts', payout('pay_once'))
    const again = await post('/payouts', payout('pay_once'))
    assert.deepEqual([first.status, again.status], [201, 200])
    assert.deepEqual(await first.json(), await again.json())
    assert.deepEqual(await listed(), ['pay_once'])
  })

  test('refuses a known id with another body, and pays nothing more', async () => {
    await post('/payouts', payout('pay_fixed', '10.00'))
    const other = await post('/payouts', payout('pay_fixed', '11.00'))
    const { code, state } = (await other.json()) as { code: string; state: { amount: { value: string } } }
    assert.deepEqual([other.status, code, state.amount.value], [409, 'conflict', '10.00'])
  })

  test('refuses what is not a payout', async () => {
    const wrong: unknown[] = [
      {},
      { ...payout('pay_a'), more: 1 },
      payout('acc_a'),
      payout('pay_a', '-1.00'),
      payout('pay_a', '0.00'),
      payout('pay_a', '1.0'),
      '{',
    ]
    for (const body of wrong) assert.equal((await post('/payouts', body)).status, 400, JSON.stringify(body))
    assert.equal((await post('/payouts', { ...payout('pay_a'), reference: 'x'.repeat(20_000) })).status, 413)
    assert.ok(!(await listed()).includes('pay_a'))
  })

  test('drops its callers while it is down, and comes back', async () => {
    assert.equal((await post('/control', { down: true })).status, 200)
    await assert.rejects(post('/payouts', payout('pay_later')))
    assert.equal((await post('/control', { up: true })).status, 400)
    assert.equal((await post('/control', { down: false })).status, 200)
    assert.equal((await post('/payouts', payout('pay_later'))).status, 201)
  })
})
