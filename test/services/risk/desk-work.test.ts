import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { transferIdOf } from '../../../src/kernel/operation-id.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { eventually, startWorld, type World } from './world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const asRolf = { ...asOperator, principal: { ...asOperator.principal, id: 'op_rolf' } } as typeof asOperator

onEachStore('work on cases', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  const maker = () => `mem_${randomUUID()}`
  const read = async (id: string) => (await world.call('GET', `/v1/cases/${id}`, asOperator)).body
  const post = (path: string, body: unknown, claims = asOperator) => world.call('POST', path, claims, { body })
  const kindsOf = (found: { history: { kind: string }[] }) => found.history.map(({ kind }) => kind)

  test('a case that is assigned is decided by nobody else, until there is a vote or the time is over', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    const path = `/v1/cases/${opened.case}`
    const taken = await post(`${path}/assignment`, { minutes: 10 })
    assert.deepEqual([taken.status, taken.body.assignment.reviewer], [200, 'op_olga'])
    const other = await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita' })
    assert.deepEqual([other.status, other.body['code']], [403, 'reviewer_not_allowed'])
    assert.match(String(other.body['detail']), /assigned to op_olga until/)
    assert.equal((await post(`${path}/assignment`, {}, asRolf)).body.code, 'conflict')
    assert.equal((await post(`${path}/votes`, { vote: 'approve', reason: 'fine' })).status, 200)
    assert.equal((await read(opened.case)).assignment, null, 'the second pair of eyes can take it')
    await post(`${path}/assignment`, { minutes: 10 }, asRolf)
    world.clock.advance(10 * MINUTE_MS)
    const late = await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita' })
    assert.equal(late.body['state'], 'approved')
    assert.equal((await post(`${path}/assignment`, {})).body.code, 'case_closed')
    assert.deepEqual(kindsOf(await read(opened.case)), ['opened', 'assigned', 'voted', 'assigned', 'voted', 'closed'])
  })

  test('two who take a case at once: one has it', async () => {
    const opened = await world.openCase(maker())
    const answers = await Promise.all(
      [asOperator, asRolf].map((who) => post(`/v1/cases/${opened.case}/assignment`, {}, who)),
    )
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409])
  })

  test('a case goes back to its queue, and is noted upon', async () => {
    const opened = await world.openCase(maker())
    const path = `/v1/cases/${opened.case}`
    await post(`${path}/assignment`, { reviewer: 'rita' })
    const listed = await world.call('GET', '/v1/cases?assignee=rita&queue=desk', asOperator)
    assert.deepEqual(
      listed.body.items.map(({ id }: { id: string }) => id),
      [opened.case],
    )
    const released = await world.call('DELETE', `${path}/assignment`, asOperator)
    assert.equal(released.body.assignment, null)
    const noted = await post(`${path}/notes`, { text: 'Called her: it is for a car.' })
    assert.deepEqual(noted.body.history.at(-1).detail, { text: 'Called her: it is for a car.' })
    assert.equal((await post(`${path}/notes`, { text: '' })).status, 400)
    assert.equal((await post('/v1/cases/case_none/notes', { text: 'x' })).status, 404)
    assert.equal((await post(`${path}/assignment`, { reviewer: opened.facts.maker })).body.code, 'reviewer_not_allowed')
  })

  test('the next case is the most urgent one that is free and not one’s own', async () => {
    const own = await world.openCase('op_rolf')
    const [first, second] = [await world.openCase(maker()), await world.openCase(maker())]
    const seen = new Set<string>()
    for (;;) {
      const { status, body } = await post('/v1/cases/next', { queue: 'desk' }, asRolf)
      if (status === 404) break
      seen.add(body.id)
    }
    assert.ok(seen.has(first.case) && seen.has(second.case))
    assert.ok(!seen.has(own.case))
  })

  test('half of the time is over: the case is more urgent, free again, and the desk hears of it', async () => {
    const opened = await world.openCase(maker())
    await post(`/v1/cases/${opened.case}/assignment`, { minutes: 480 })
    world.clock.advance(12 * HOUR_MS)
    const found = await eventually(async () => {
      const now = await read(opened.case)
      return now.priority === 'high' && now
    })
    assert.deepEqual([found.state, found.assignment, found.escalateAt], ['open', null, null])
    const told = await eventually(async () =>
      (await world.inbox()).find(({ body }) => body.case === opened.case && body.type === 'review.case.escalated'),
    )
    assert.ok(told)
    const decided = await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita' })
    assert.equal(decided.body['state'], 'approved', 'its facts are the same, so is its version')
  })

  test('each decision of the desk is kept as it arrived, and can be verified again', async () => {
    const opened = await world.openCase(maker())
    await world.decide({ case: opened.case, vote: 'decline', reviewer: 'rita', nonce: 'once' })
    world.clock.advance(HOUR_MS) // stale by now, but not as of then
    const { body } = await world.call('GET', `/v1/cases/${opened.case}/decisions`, asOperator)
    const [decision, ...more] = body.items
    assert.deepEqual([decision.verified, decision.nonce, more.length], [true, 'once', 0])
    assert.equal(JSON.parse(decision.body).reviewer, 'rita')
    assert.equal(decision.answer.body.state, 'declined')
  })

  test('every hold has a case; one without is found, and told by its own expiry', async () => {
    const opened = await world.openCase(maker())
    const unowned = async (olderThanS: number) =>
      (await world.call('GET', `/v1/cases/unowned?olderThanS=${olderThanS}`, asOperator)).body
    const before = await unowned(0)
    assert.ok(before.held > 0)
    assert.deepEqual(before.items, [])
    const lost = await world.hold(maker(), 'asm_unknown', '60000.00')
    assert.deepEqual((await unowned(30)).items, [], 'its case may be on its way')
    world.clock.advance(30_000)
    assert.deepEqual(
      (await unowned(30)).items.map(({ transfer }: { transfer: string }) => transfer),
      [lost.transfer],
    )
    world.feed('transfer.voided', { transfer: lost.transfer, reason: 'expired' }, world.clock.now())
    assert.deepEqual((await unowned(0)).items, [])
    assert.ok(opened.case)
  })

  test('what is to pass and be looked at later has a case once the money has moved', async () => {
    await world.edit('risk', (text) =>
      text.replace(
        'rules:\n',
        `rules:
  - id: look-at-cars
    when: transfer.reference == 'car'
    effect: { review: { queue: cars, priority: high, expiresAfter: 2h } }
`,
      ),
    )
    const by = maker()
    const { body } = await world.assess({ member: by, value: '10.00', reference: 'car', key: 'look' })
    assert.equal(body.outcome, 'review')
    const transfer = transferIdOf(by, 'look')
    // As legs are told: each with the transfer that was assessed.
    for (const leg of ['trf_leg1', 'trf_leg2']) {
      world.feed('transfer.posted', { transfer: leg, partOf: transfer, kind: 'transfer' }, world.clock.now())
    }
    const [found] = await eventually(async () => {
      const { items } = (await world.call('GET', '/v1/cases?queue=cars', asOperator)).body
      return items.length > 0 && items
    })
    assert.deepEqual(
      [found.kind, found.transfer, found.maker, found.priority, found.onTimeout, found.needed],
      ['passed', transfer, by, 'high', 'lapse', 1],
    )
    const { items } = (await world.call('GET', '/v1/cases?queue=cars', asOperator)).body
    assert.equal(items.length, 1, 'one case for all legs')
    const closed = await post(`/v1/cases/${found.id}/votes`, { vote: 'decline', reason: 'no such car' })
    assert.equal(closed.body.state, 'declined')
    const told = (await world.events(found.id)).map(({ type }) => type)
    assert.deepEqual(told, ['case.opened', 'case.closed'], 'nothing is released: it has moved')
  })
})
