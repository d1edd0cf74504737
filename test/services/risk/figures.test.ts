import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { asMember, asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { eventually, startWorld, type World } from './world.ts'

const HOUR_MS = 3_600_000

onEachStore('the figures of the desk', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  const maker = () => `mem_${randomUUID()}`
  const figures = async () => (await world.call('GET', '/v1/cases/figures', asService('edge'))).body

  test('say what waits, what people and timers decided, how long money was held, and what had no score', async () => {
    const [one, two] = [await world.openCase(maker()), await world.openCase(maker(), '85000.00')]
    world.clock.advance(HOUR_MS)
    const open = await figures()
    const [queue, ...others] = open.queues
    assert.deepEqual([queue.queue, queue.kind, queue.open, others.length], ['desk', 'held', 2, 0])
    assert.equal(queue.money.value, '145000.00')
    assert.ok(queue.oldestS >= 3_600)

    await world.decide({ case: one.case, vote: 'approve', reviewer: 'rita' })
    world.clock.advance(24 * HOUR_MS)
    await eventually(async () => (await figures()).timedOut.some((each: { cases: number }) => each.cases === 1))
    await world.assess({ member: maker(), value: '10.00', reference: 'sandbox:error' })
    const after24h = await figures()
    assert.deepEqual(after24h.timedOut, [
      { state: 'approved', cases: 0 },
      { state: 'declined', cases: 1 },
    ])
    assert.deepEqual(after24h.decided, [], 'that was more than 24 hours ago')
    assert.deepEqual(after24h.fallback, [{ outcome: 'hold', assessments: 1 }])
    assert.ok(after24h.heldS.p95 >= 24 * 3_600)

    const three = await world.openCase(maker())
    await world.decide({ case: three.case, vote: 'approve', reviewer: 'rita' })
    assert.deepEqual((await figures()).decided, [{ rule: 'risk/provider-doubts-small', state: 'approved', cases: 1 }])
    assert.ok(two.case)
  })

  test('are for operators and the edge', async () => {
    assert.equal((await world.call('GET', '/v1/cases/figures', asOperator)).status, 200)
    assert.equal((await world.call('GET', '/v1/cases/figures', asMember('mem_alice'))).status, 404)
  })
})
