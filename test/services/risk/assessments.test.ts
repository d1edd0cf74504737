import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import { asMember, asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type Asked, assessmentBody } from './asked.ts'
import { post, startWorld, type World } from './world.ts'

onEachStore('assessments', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  const member = () => `mem_${randomUUID()}`
  const calls = async () => {
    const answer = await request(`${world.fraud.url}/calls`)
    return ((await answer.body.json()) as { calls: number }).calls
  }

  for (const [value, outcome] of [
    ['49999.99', 'accept'],
    ['50000.00', 'hold'],
    ['89999.99', 'hold'],
    ['90000.00', 'reject'],
  ] as const) {
    test(`${value} CNY is answered ${outcome}`, async () => {
      const { status, body } = await world.assess({ member: member(), value })
      assert.equal(status, 200)
      assert.equal(body.outcome, outcome)
      assert.match(body.rule, /^risk\//)
      assert.equal(body.provider.status, 'ok')
      assert.equal(typeof body.holdMs, outcome === 'hold' ? 'number' : 'undefined')
    })
  }

  test('money is reserved longer than a person has to decide', async () => {
    const { body } = await world.assess({ member: member(), value: '60000.00' })
    const day = 24 * 3_600_000
    assert.ok(body.holdMs > day, `${body.holdMs} ms is more than the 24 h of the policy`)
  })

  for (const reference of ['sandbox:slow', 'sandbox:error', 'sandbox:garbage']) {
    test(`a small amount is held when the provider fails by ${reference}`, async () => {
      const { status, body } = await world.assess({ member: member(), value: '10.00', reference })
      assert.equal(status, 200)
      assert.equal(body.outcome, 'hold')
      assert.deepEqual(body.provider, { status: 'unavailable', decision: '', score: 0, seqId: null })
    })
  }

  test('a small amount is held while the provider refuses connections, and accepted once it is back', async () => {
    await post(`${world.fraud.url}/control`, { down: true })
    const { body: down } = await world.assess({ member: member(), value: '10.00' })
    await post(`${world.fraud.url}/control`, { down: false })
    const { body: up } = await world.assess({ member: member(), value: '10.00' })
    assert.equal(down.outcome, 'hold')
    assert.equal(up.outcome, 'accept')
  })

  test('a retry gets the first answer, and no second score is bought', async () => {
    const asked: Asked = { member: member(), value: '60000.00', key: 'k' }
    const first = await world.assess(asked)
    const bought = await calls()
    const again = await world.assess(asked)
    assert.deepEqual(again.body, { ...first.body, replayed: true })
    assert.equal(first.body.replayed, false)
    assert.equal(await calls(), bought)
  })

  test('fifty at once with one key share one score', async () => {
    const asked: Asked = { member: member(), value: '60000.00', key: 'k' }
    const bought = await calls()
    const answers = await Promise.all(Array.from({ length: 50 }, () => world.assess(asked)))
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
    assert.equal(await calls(), bought + 1)
  })

  test('the same key with another body is a conflict and buys no score', async () => {
    const asked: Asked = { member: member(), value: '10.00', key: 'k' }
    await world.assess(asked)
    const bought = await calls()
    const { status, body } = await world.assess({ ...asked, value: '11.00' })
    assert.equal(status, 200)
    assert.deepEqual(body, { outcome: 'conflict' })
    assert.equal(await calls(), bought)
  })

  test('keys belong to their member', async () => {
    const one = await world.assess({ member: member(), value: '10.00', key: 'k' })
    const two = await world.assess({ member: member(), value: '11.00', key: 'k' })
    assert.equal(one.body.outcome, 'accept')
    assert.equal(two.body.outcome, 'accept')
    assert.notEqual(one.body.id, two.body.id)
  })

  test('velocity counts what was assessed before, in its window, its member and its currency', async () => {
    const asked = { member: member(), value: '100.00' }
    await world.assess({ member: member(), value: '7.00' })
    await world.assess(asked)
    world.clock.advance(2 * 3_600_000) // the first is out of the hour, not out of the day
    const second = await world.assess({ ...asked, value: '20.50' })
    await world.post(second.body.id, { fromMember: asked.member, amount: { currency: 'CNY', value: '20.50' } })
    await world.assess({ ...asked, value: '95000.00' }) // rejected: it counts as a transfer, not as an amount
    const yen = await world.assess({ ...asked, value: '300', currency: 'JPY' })
    await world.post(yen.body.id, { fromMember: asked.member, amount: { currency: 'JPY', value: '300' } })
    const last = await world.assess(asked)
    const read = await world.call('GET', `/v1/assessments/${last.body.id}`, asOperator)
    assert.equal(read.status, 200)
    const { transfersLastHour, amountLastDay, transfersToPayee } = read.body.facts.velocity
    assert.deepEqual([transfersLastHour, amountLastDay], [3, { currency: 'CNY', value: '120.50' }])
    assert.equal(transfersToPayee, 2, 'what has moved, in whatever currency')
  })

  test('many at once of one member are decided one after the other: no two see the same count', async () => {
    const asked = { member: member(), value: '10.00' }
    const answers = await Promise.all(Array.from({ length: 12 }, () => world.assess(asked)))
    const read = (id: string) => world.call('GET', `/v1/assessments/${id}`, asOperator)
    const counts = (await Promise.all(answers.map(({ body }) => read(body.id)))).map(
      ({ body }) => body.facts.velocity.transfersLastHour,
    )
    assert.deepEqual(
      counts.sort((a, b) => a - b),
      answers.map((_, index) => index),
    )
  })

  test('velocity counts the amount of a hold once it is approved', async () => {
    const maker = member()
    const amountLastDay = async () => {
      const { body } = await world.assess({ member: maker, value: '1.00' })
      const read = await world.call('GET', `/v1/assessments/${body.id}`, asOperator)
      return read.body.facts.velocity.amountLastDay.value
    }
    const held = await world.openCase(maker, '60000.00')
    assert.equal(await amountLastDay(), '0.00')
    for (const reviewer of ['rita', 'rob']) await world.decide({ case: held.case, vote: 'approve', reviewer })
    assert.equal(await amountLastDay(), '60001.00')
  })

  test('an assessment names its policies, its facts and the score', async () => {
    const { body } = await world.assess({ member: member(), value: '60000.00' })
    const read = await world.call('GET', `/v1/assessments/${body.id}`, asOperator)
    assert.match(read.body.bundle, /^sha256:/)
    assert.equal(read.body.rule, 'risk/provider-doubts-small')
    assert.deepEqual(read.body.facts.provider.hitRules, ['amount_high'])
    assert.match(read.body.provider.seqId, /./)
    assert.equal((await world.call('GET', '/v1/assessments/asm_none', asOperator)).status, 404)
  })

  test('only the edge asks, only operators read', async () => {
    const body = assessmentBody({ member: member(), value: '10.00' })
    for (const claims of [asService('cash-flow'), asMember('mem_alice'), asOperator]) {
      const answer = await world.call('POST', '/v1/assessments', claims, { body })
      assert.equal(answer.status, 404)
      assert.equal(answer.body.code, 'not_found')
    }
    assert.equal((await world.call('GET', '/v1/assessments/asm_none', asMember('mem_alice'))).status, 404)
  })

  test('unknown fields and amounts that are no money are refused', async () => {
    const good = assessmentBody({ member: member(), value: '10.00' })
    const bad = [
      { ...good, extra: 1 },
      ...['10', '10.000', '-1.00', '0.00', '1e3', ''].map((value) => ({
        ...good,
        transfer: { ...good.transfer, amount: { currency: 'CNY', value } },
      })),
      { ...good, transfer: { ...good.transfer, amount: { currency: 'XXX', value: '1.00' } } },
      { ...good, transfer: { ...good.transfer, reference: 'a\u0000b' } },
      { ...good, transfer: { ...good.transfer, reference: '\ud800' } },
    ]
    for (const body of bad) {
      const answer = await world.call('POST', '/v1/assessments', asService('edge'), { body })
      assert.equal(answer.status, 400, JSON.stringify(body.transfer))
      assert.equal(answer.body.code, 'validation_failed')
    }
  })
})
