import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { accountsOf, assertRefused, type EdgeCalls, edgeCalls, eventually, type Who } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { noticeOf } from '../support/review-desk.ts'

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform({ database: 'pglite' })
  calls = edgeCalls(platform)
})
after(() => platform.close())

describe('records that keep every version', () => {
  const kinds = {
    members: { path: '/v1/members', body: { name: 'Carol', country: 'CN' }, change: { name: 'Carole' }, field: 'name' },
    products: {
      path: '/v1/products',
      body: { name: 'Gold', currency: 'CNY' },
      change: { name: 'Old gold' },
      field: 'name',
    },
  }
  for (const [kind, { path, body, change, field }] of Object.entries(kinds)) {
    test(`${kind} are made, changed by the version one has seen, and rolled back by a new version`, async () => {
      const made = await calls.call('operator', 'POST', path, { body })
      assert.deepEqual([made.status, made.body.version], [201, 1], made.text)
      const one = `${path}/${made.body.id}`
      assertRefused(await calls.call('operator', 'PATCH', one, { body: change }), 'precondition_required')
      const changed = await calls.call('operator', 'PATCH', one, { body: change, headers: { 'if-match': '"1"' } })
      assert.deepEqual([changed.status, changed.body.version], [200, 2], changed.text)
      const late = await calls.call('operator', 'PATCH', one, { body: change, headers: { 'if-match': '"1"' } })
      assertRefused(late, 'version_mismatch')
      const back = await calls.call('operator', 'POST', `${one}/rollback`, { body: { version: 1 } })
      assert.deepEqual([back.status, back.body.version, back.body[field]], [200, 3, made.body[field]], back.text)
      const versions = await calls.call('operator', 'GET', `${one}/versions`)
      assert.deepEqual(
        versions.body.items.map(({ version }: { version: number }) => version),
        [3, 2, 1],
      )
      const asOf = await calls.call('operator', 'GET', `${one}?asOf=2`)
      assert.equal(asOf.body[field], Object.values(change)[0])
    })
  }

  test('a member reads its own record and changes none', async () => {
    assert.equal((await calls.call('mem_alice', 'GET', '/v1/members/mem_alice')).body.name, 'Alice')
    const options = { body: { name: 'Malice' }, headers: { 'if-match': '"1"' } }
    assertRefused(await calls.call('mem_alice', 'PATCH', '/v1/members/mem_alice', options), 'insufficient_scope')
  })

  test("a product's fee is charged with a transfer, by its version, and settlement tells what it came to", async () => {
    const post = async (who: Who, path: string, body: object, headers = {}) => {
      const made = await calls.call(who, 'POST', path, { body, headers })
      assert.equal(made.status, 201, made.text)
      return made.body
    }
    const cny = (value: string) => ({ currency: 'CNY', value })
    const fee = { kind: 'flat', amount: cny('1.50') }
    const product = await post('operator', '/v1/products', { name: 'Priced', currency: 'CNY', fee })
    const of = { member: 'mem_alice', product: product.id, currency: 'CNY' }
    const { id: from } = await post('operator', '/v1/accounts', of)
    await post('operator', '/v1/deposits', { account: from, amount: cny('100.00'), reference: 'cash' })
    const body = { from, to: 'acc_bob', amount: cny('10.00'), reference: 'rent' }
    const made = await post('mem_alice', '/v1/transfers', body, { 'idempotency-key': 'priced-1' })
    assert.deepEqual(made.fee, { amount: cny('1.50'), product: product.id, version: 1 })
    const { body: account } = await calls.call('mem_alice', 'GET', `/v1/accounts/${from}`)
    assert.equal(account.balance.available.value, '88.50')
    const batch = await eventually('the batch with its line', async () => {
      const closing = { member: 'mem_alice', currency: 'CNY', cutOff: new Date().toISOString() }
      const { body: closed } = await calls.call('operator', 'POST', '/v1/settlement-batches', { body: closing })
      return closed.lines === 0 ? null : closed
    })
    assert.deepEqual([batch.gross.out.value, batch.fees.value, batch.net.value], ['10.00', '1.50', '-11.50'])
  })

  test("what cash flow refused is no part of the member's day, once its log says so", async () => {
    const opened = { member: 'mem_alice', product: 'prd_basic', currency: 'CNY' }
    const { id: from } = (await calls.call('mem_alice', 'POST', '/v1/accounts', { body: opened })).body
    let tries = 0
    /** What risk control took for moved when it judged a transfer for which there is no money. */
    const dayBefore = async (value: string): Promise<string> => {
      const body = { from, to: 'acc_bob', amount: { currency: 'CNY', value }, reference: 'rent' }
      const answer = await calls.call('mem_alice', 'POST', '/v1/transfers', { key: `poor-${tries++}`, body })
      assertRefused(answer, 'insufficient_funds')
      const receipt = await eventually('the receipt', async () => {
        const found = await calls.operate('operator', 'GET', `/v1/receipts/${answer.headers['tidegate-receipt']}`)
        return found.status === 200 && found
      })
      const { body: found } = await calls.operate('operator', 'GET', `/v1/assessments/${receipt.body.assessment.id}`)
      return found.facts.velocity.amountLastDay.value
    }
    const moved = await dayBefore('777.00')
    await eventually('the refusal counts', async () => (await dayBefore('0.01')) === moved)
  })

  test('a person is erased, and the ledger is still as its journal tells it', async () => {
    const moved = await calls.transfer('12.00')
    assert.equal(moved.status, 201, moved.text)
    const accounts = await accountsOf(calls)
    const body = { reason: 'request 2027-114' }
    assertRefused(
      await calls.call('operator', 'POST', '/v1/members/mem_bob/erase', { body, scope: 'operator members:write' }),
      'insufficient_scope',
    )
    assertRefused(
      await calls.call('mem_bob', 'POST', '/v1/members/mem_bob/erase', { body, scope: 'members:erase' }),
      'policy_denied',
    )
    const erased = await calls.call('operator', 'POST', '/v1/members/mem_bob/erase', { body })
    assert.deepEqual([erased.status, erased.body.name, erased.body.country], [200, null, null], erased.text)
    assert.deepEqual(await accountsOf(calls), accounts)
    await calls.operate('operator', 'POST', '/v1/ledger/rebuild', { body: {} })
    const rebuilt = await eventually('the rebuild', async () => {
      const { body: state } = await calls.operate('operator', 'GET', '/v1/ledger/rebuild')
      return state.state === 'running' ? null : state
    })
    assert.deepEqual([rebuilt.state, rebuilt.differences], ['done', []])
    assert.ok(rebuilt.records > 0)
    const opened = { member: 'mem_bob', product: 'prd_basic', currency: 'CNY' }
    assertRefused(await calls.call('mem_bob', 'POST', '/v1/accounts', { body: opened }), 'unknown_reference')
  })

  test('an account is opened for a member under a product, and money comes in by an operator', async () => {
    const body = { member: 'mem_alice', product: 'prd_basic', currency: 'CNY' }
    const opened = await calls.call('mem_alice', 'POST', '/v1/accounts', { body })
    assert.equal(opened.status, 201, opened.text)
    const deposit = { account: opened.body.id, amount: { currency: 'CNY', value: '75.00' }, reference: 'salary' }
    const made = await calls.call('operator', 'POST', '/v1/deposits', { key: 'salary', body: deposit })
    assert.equal(made.status, 201, made.text)
    const again = await calls.call('operator', 'POST', '/v1/deposits', { key: 'salary', body: deposit })
    assert.deepEqual([again.body.id, again.headers['idempotency-replayed']], [made.body.id, 'true'])
    const { balance } = (await calls.call('mem_alice', 'GET', `/v1/accounts/${opened.body.id}`)).body
    assert.equal(balance.available.value, '75.00')
    assertRefused(
      await calls.call('mem_alice', 'POST', '/v1/accounts', { body: { ...body, currency: 'JPY' } }),
      'currency_mismatch',
    )
    const nobodys = { ...body, product: 'prd_none' }
    assertRefused(await calls.call('mem_alice', 'POST', '/v1/accounts', { body: nobodys }), 'unknown_reference')
  })

  test('a new version of a product changes the case of what is held of an account under it', async () => {
    assert.equal((await calls.transfer('61000.00')).status, 202)
    const { case: id } = await noticeOf(platform, '61000.00')
    const body = { limits: [{ perDay: { currency: 'CNY', value: '100000.00' } }] }
    const changed = await calls.call('operator', 'PATCH', '/v1/products/prd_basic', {
      body,
      headers: { 'if-match': '*' },
    })
    assert.equal(changed.status, 200, changed.text)
    const { version } = changed.body
    const review = await eventually('the case has another version', async () => {
      const { body: found } = await calls.operate('operator', 'GET', `/v1/cases/${id}`)
      return found.caseVersion === 2 && found
    })
    assert.deepEqual(review.facts.since, [{ what: 'terms', product: 'prd_basic', version }])
  })
})
