import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { operationIdOf, transferIdOf } from '../../../src/kernel/operation-id.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, carol, cny, fromAlice, key, openCashFlow } from './cash-flow.ts'

onEachStore('a transfer', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open())
  })
  after(() => under.close())

  const transfer = (body: object, name: string, claims = alice) =>
    under.call('POST', '/v1/transfers', claims, { body, headers: key(name) })
  const available = async (name: string) => {
    const { body } = await under.call('GET', `/v1/accounts/acc_${name}`, asOperator)
    return body.balance.available.value
  }

  test('moves money by two balanced entries and is 201 with where to find it', async () => {
    const answer = await transfer(fromAlice('12.50'), 'first')
    assert.equal(answer.status, 201)
    const id = transferIdOf('mem_alice', 'first')
    assert.equal(answer.headers['location'], `/v1/transfers/${id}`)
    const { createdAt, ...body } = answer.body
    assert.deepEqual(body, {
      ...fromAlice('12.50'),
      ...{ id, state: 'posted', operation: operationIdOf('mem_alice', 'first'), version: 1 },
      judgedBy: { product: 'prd_basic', version: 1 },
    })
    assert.equal(createdAt, '2026-03-02T10:00:00.000Z')
    assert.equal(await available('alice'), '987.50')
    assert.equal(await available('bob'), '1012.50')
    const entries = await under.call('GET', '/v1/accounts/acc_bob/entries?limit=1', bob)
    const [entry] = entries.body.items
    assert.deepEqual(
      [entry.phase, entry.direction, entry.amount, entry.version, entry.transfer, entry.balance.posted],
      ['post', 'credit', cny('12.50'), 2, id, cny('1012.50')],
    )
    const operation = await under.call('GET', `/v1/operations/${body.operation}`, alice)
    assert.deepEqual([operation.body.state, operation.body.transfer], ['succeeded', id])
  })

  test('is refused while its payer is not active, and not decided while nobody knows', async () => {
    for (const status of ['frozen', 'closed'] as const) {
      under.standings.say('mem_alice', status)
      const refused = await transfer(fromAlice('1.00'), `while-${status}`)
      assert.deepEqual([refused.status, refused.body.code], [403, 'member_not_active'], refused.text)
      assert.deepEqual(refused.body.state, { account: 'acc_alice', status })
    }
    const headers = { ...key('accepted-while-frozen'), prefer: 'respond-async' }
    const { body } = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('1.00'), headers })
    const ended = await under.call('GET', `/v1/operations/${body.operation}?wait=25`, alice)
    assert.deepEqual([ended.body.state, ended.body.reason], ['failed', 'member_not_active'])
    under.standings.say('mem_alice', 'unknown')
    const unknown = await transfer(fromAlice('1.00'), 'while-unknown')
    assert.deepEqual([unknown.status, unknown.body.code], [503, 'dependency_unavailable'])
    assert.equal(await available('alice'), '987.50')
    under.standings.say('mem_alice', 'active')
  })

  test('can be read by both ends and by an operator, and is not there for anyone else', async () => {
    const target = `/v1/transfers/${transferIdOf('mem_alice', 'first')}`
    for (const claims of [alice, bob, asOperator]) assert.equal((await under.call('GET', target, claims)).status, 200)
    for (const [path, claims] of [
      [target, carol],
      [`/v1/operations/${operationIdOf('mem_alice', 'first')}`, bob],
      ['/v1/transfers/trf_none', alice],
      ['/v1/transfers/nonsense', alice],
    ] as const) {
      const answer = await under.call('GET', path, claims)
      assert.deepEqual([answer.status, answer.body.code], [404, 'not_found'])
    }
  })

  test('is found again by its key, by whose key it is', async () => {
    const target = '/v1/transfers?idempotencyKey=first'
    const found = await under.call('GET', target, alice)
    assert.equal(found.body.items[0].id, transferIdOf('mem_alice', 'first'))
    assert.deepEqual((await under.call('GET', target, bob)).body, { items: [], next: null })
  })

  test('the answer that is repeated is the first one byte for byte', async () => {
    const [first, again] = [await transfer(fromAlice('0.01'), 'bytes'), await transfer(fromAlice('0.01'), 'bytes')]
    assert.equal(again.text, first.text)
  })

  test('repeated with its key gives the first answer again, whatever has changed since', async () => {
    await transfer(fromAlice('1.00', { reference: 'between' }), 'between')
    const before = await available('alice')
    const again = await transfer(fromAlice('12.50'), '"first"')
    assert.equal(again.status, 201)
    assert.equal(again.headers['idempotency-replayed'], 'true')
    assert.equal(again.headers['location'], `/v1/transfers/${again.body.id}`)
    assert.equal(await available('alice'), before)
    const reordered = { reference: 'rent for March', amount: cny('12.50'), to: 'acc_bob', from: 'acc_alice' }
    assert.equal((await transfer(reordered, 'first')).headers['idempotency-replayed'], 'true')
  })

  test('with a used key and another body is 422', async () => {
    const answer = await transfer(fromAlice('12.51'), 'first')
    assert.deepEqual([answer.status, answer.body.code], [422, 'idempotency_key_reused'])
  })

  test("keys are the member's own", async () => {
    const body = { ...fromAlice('2.00'), from: 'acc_bob', to: 'acc_alice' }
    const answer = await transfer(body, 'first', bob)
    assert.deepEqual([answer.status, answer.headers['idempotency-replayed']], [201, undefined])
  })

  test('beyond what is available is 422, stays so for its key, and its operation has failed', async () => {
    const first = await transfer(fromAlice('5000.00'), 'too much')
    assert.deepEqual([first.status, first.body.code], [400, 'idempotency_key_malformed'])
    const answer = await transfer(fromAlice('5000.00'), 'too-much')
    assert.deepEqual([answer.status, answer.body.code], [422, 'insufficient_funds'])
    await under.call('POST', '/v1/deposits', asOperator, {
      body: { account: 'acc_alice', amount: cny('9000.00'), reference: 'salary' },
    })
    const again = await transfer(fromAlice('5000.00'), 'too-much')
    assert.deepEqual([again.status, again.headers['idempotency-replayed']], [422, 'true'])
    const operation = await under.call('GET', `/v1/operations/${operationIdOf('mem_alice', 'too-much')}`, alice)
    assert.deepEqual([operation.body.state, operation.body.reason], ['failed', 'insufficient_funds'])
    assert.equal(operation.body.transfer, undefined)
  })

  test('every other refusal has its status and code', async () => {
    const cases: [string, object, number, string][] = [
      ["from another's account", fromAlice('1.00', { from: 'acc_bob', to: 'acc_alice' }), 404, 'not_found'],
      ['from no account', fromAlice('1.00', { from: 'acc_none' }), 404, 'not_found'],
      ['from the outside', fromAlice('1.00', { from: 'acc_external_cny' }), 404, 'not_found'],
      ['to no account', fromAlice('1.00', { to: 'acc_none' }), 422, 'unknown_reference'],
      ['to the outside', fromAlice('1.00', { to: 'acc_external_cny' }), 422, 'unknown_reference'],
      ['to itself', fromAlice('1.00', { to: 'acc_alice' }), 422, 'unacceptable_value'],
      [
        'in another currency',
        fromAlice('1.00', { amount: { currency: 'USD', value: '1.00' } }),
        422,
        'currency_mismatch',
      ],
      ['of nothing', fromAlice('0.00'), 400, 'validation_failed'],
      ['of less than nothing', fromAlice('-1.00'), 400, 'validation_failed'],
      ['in a wrong scale', fromAlice('1.0'), 400, 'validation_failed'],
      [
        'in an unknown currency',
        fromAlice('1.00', { amount: { currency: 'XXX', value: '1.00' } }),
        400,
        'validation_failed',
      ],
      ['as a number', fromAlice('1.00', { amount: { currency: 'CNY', value: 1 } }), 400, 'validation_failed'],
      ['with an unknown field', fromAlice('1.00', { fee: 1 }), 400, 'validation_failed'],
      ['without a reference', fromAlice('1.00', { reference: '' }), 400, 'validation_failed'],
      ['with a control in its reference', fromAlice('1.00', { reference: 'a\u0000b' }), 400, 'validation_failed'],
      ['with half a character', fromAlice('1.00', { reference: 'a\ud800b' }), 400, 'validation_failed'],
      [
        'with a reference of 141 characters',
        fromAlice('1.00', { reference: '😀'.repeat(141) }),
        400,
        'validation_failed',
      ],
    ]
    for (const [index, [what, body, status, code]] of cases.entries()) {
      const answer = await transfer(body, `refused-${index}`)
      assert.deepEqual([answer.status, answer.body.code], [status, code], what)
    }
    const longest = await transfer(fromAlice('0.01', { reference: '😀'.repeat(140) }), 'longest')
    assert.equal(longest.status, 201)
  })

  test('without a key is 400', async () => {
    const answer = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('1.00') })
    assert.deepEqual([answer.status, answer.body.code], [400, 'idempotency_key_required'])
  })

  test('a thousand requests at once with one key move the money once', async () => {
    const before = await available('alice')
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => transfer(fromAlice('3.00'), 'race')))
    const counts = Map.groupBy(answers, ({ status }) => status)
    assert.deepEqual(
      [...counts.keys()].filter((status) => status !== 201 && status !== 409),
      [],
    )
    for (const { body, headers } of counts.get(409) ?? []) {
      assert.deepEqual([body.code, headers['retry-after']], ['request_in_progress', '1'])
    }
    const first = (counts.get(201) ?? []).filter(({ headers }) => headers['idempotency-replayed'] === undefined)
    assert.equal(first.length, 1)
    assert.equal(Number(await available('alice')), Number(before) - 3)
  })
})
