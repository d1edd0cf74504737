import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Instant } from '../../src/kernel/clock.ts'
import { Problem } from '../../src/kernel/problem.ts'
import { refusedBy } from '../../src/platform/breaker-refusal.ts'
import { breakerRig as rig, START } from '../support/breakers.ts'

const PROBE_MS_MAX = 60_000

describe('a breaker opens', () => {
  test('when more than half of at least ten calls were faults, and says what opened it', () => {
    const { fail, state, refusal, events } = rig()
    fail(9)
    assert.equal(state(), 'closed')
    fail(1)
    const { since, receipts, retryAfterS, isForced } = refusal()
    assert.deepEqual([since, retryAfterS, isForced], [START, 5, false])
    assert.deepEqual(receipts, [
      'rcp_9',
      'rcp_8',
      'rcp_7',
      'rcp_6',
      'rcp_5',
      'rcp_4',
      'rcp_3',
      'rcp_2',
      'rcp_1',
      'rcp_0',
    ])
    assert.deepEqual(
      events.map(({ event, evidence }) => [event, evidence.length]),
      [['opened', 10]],
    )
  })

  test('not while half of the calls go well, nor by calls that say nothing', () => {
    const { fail, succeed, permit, state } = rig()
    succeed(50)
    fail(50)
    for (let n = 0; n < 200; n++) permit().neither()
    assert.equal(state(), 'closed')
    fail(1)
    assert.equal(state(), 'open')
  })

  test('not by faults that the window has left behind, and does not name them', () => {
    const { fail, state, clock, refusal } = rig()
    fail(9)
    clock.advance(11_000)
    fail(9)
    assert.equal(state(), 'closed')
    fail(1)
    assert.deepEqual([refusal().receipts.length, refusal().receipts.at(-1)], [10, 'rcp_9'])
  })

  test('by faults of calls that began long before, whatever begins meanwhile', () => {
    const { permit, clock, succeed, state } = rig()
    const hanging = Array.from({ length: 12 }, permit)
    clock.advance(30_000)
    for (const call of hanging.slice(0, 6)) call.fault(null)
    clock.advance(500)
    succeed(1)
    for (const call of hanging.slice(6)) call.fault(null)
    assert.equal(state(), 'open')
  })

  test('by calls that end: those still under way dilute nothing', () => {
    const { permit, fail, state } = rig()
    for (let n = 0; n < 1_000; n++) permit()
    fail(10)
    assert.equal(state(), 'open')
  })

  test('as the refused caller is told, with the breaker, its time and its receipts', () => {
    const { fail, refusal } = rig()
    fail(10)
    const problem = new Problem('upstream_unavailable', refusedBy(refusal()))
    const { status, rule, detail, breaker } = problem.toBody('rcp_mine')
    assert.deepEqual([status, rule], [503, 'breaker/partner'])
    assert.match(String(detail), /the breaker of partner is open since 2026-11-23T10:00:00.000Z; nothing was sent/)
    assert.deepEqual(breaker, { name: 'partner', since: '2026-11-23T10:00:00.000Z', receipts: refusal().receipts })
    assert.equal(problem.headers['retry-after'], '5')
  })
})

describe('a breaker closes', () => {
  test('after three good probes, one at a time, and begins to count anew', () => {
    const { fail, clock, permit, refusal, state, told } = rig()
    fail(10)
    clock.advance(4_999)
    assert.equal(refusal().retryAfterS, 1)
    clock.advance(1)
    for (let n = 0; n < 3; n++) {
      const probe = permit()
      assert.equal(refusal().retryAfterS, 1)
      assert.equal(state(), 'half_open')
      probe.good()
    }
    assert.deepEqual([state(), told()], ['closed', ['opened', 'half_open', 'closed']])
    fail(9)
    assert.equal(state(), 'closed', 'the faults before are forgotten')
  })

  test('later each time a probe fails: 5, 10, 15, 15 s; and it stays open since it first opened', () => {
    const { fail, clock, permit, refusal, told } = rig()
    fail(10)
    clock.advance(5_000)
    for (const waitS of [10, 15, 15]) {
      permit().fault('rcp_probe')
      assert.deepEqual([refusal().retryAfterS, refusal().since, refusal().receipts[0]], [waitS, START, 'rcp_probe'])
      clock.advance(waitS * 1_000)
    }
    assert.deepEqual(told(), ['opened'])
  })

  test('not by good probes with a bad one between them', () => {
    const { fail, clock, succeed, state, told } = rig()
    fail(10)
    clock.advance(5_000)
    succeed(2)
    fail(1)
    assert.equal(state(), 'open')
    clock.advance(10_000)
    succeed(2)
    assert.equal(state(), 'half_open')
    succeed(1)
    assert.deepEqual(told(), ['opened', 'half_open', 'opened', 'half_open', 'closed'])
  })

  test('by no call that went out before it opened, however late it ends', () => {
    const { fail, clock, permit, state } = rig()
    const early = [permit(), permit(), permit(), permit()]
    fail(10)
    clock.advance(5_000)
    for (const call of early) call.good()
    assert.equal(state(), 'half_open')
    permit()
    early[0]?.fault('rcp_late')
    assert.equal(state(), 'half_open', 'nor is it opened again by one')
  })

  test('with the next call where a probe said nothing, and without one that never ends', () => {
    const { fail, clock, permit, refusal, succeed, state } = rig()
    fail(10)
    clock.advance(5_000)
    permit().neither()
    const lost = permit()
    clock.advance(PROBE_MS_MAX)
    refusal() // it counts as failed
    clock.advance(10_000)
    succeed(2)
    lost.fault('rcp_lost')
    succeed(1)
    assert.equal(state(), 'closed')
  })

  test('in time though the clock is set back by an hour', () => {
    const { fail, clock, permit } = rig()
    fail(10)
    clock.advance(-3_600_000)
    permit()
  })
})

describe('an operator', () => {
  const until = (START + 60_000) as Instant
  const order = { by: 'op_olga', reason: 'the partner moves house', until: null } as const

  test('forces it open: nothing passes until he releases it, and then probes come first', () => {
    const { breaker, refusal, succeed, state, events } = rig()
    breaker.force({ ...order, to: 'open' })
    const { isForced, receipts, retryAfterS } = refusal()
    assert.deepEqual([isForced, receipts, retryAfterS], [true, [], 30])
    assert.match(refusedBy(refusal()).detail ?? '', /an operator keeps it so/)
    assert.ok(!JSON.stringify(refusedBy(refusal())).includes('olga'), 'callers are not told who')
    breaker.release('op_otto', 'it is back')
    assert.equal(state(), 'half_open')
    succeed(3)
    assert.equal(state(), 'closed')
    assert.deepEqual(
      events.map(({ event, by, reason }) => [event, by, reason]),
      [
        ['forced_open', 'op_olga', 'the partner moves house'],
        ['released', 'op_otto', 'it is back'],
        ['half_open', null, null],
        ['closed', null, null],
      ],
    )
  })

  test('forces it closed: no fault opens it, and none counts later', () => {
    const { breaker, fail, state } = rig()
    fail(10)
    breaker.force({ ...order, to: 'closed' })
    fail(100)
    assert.equal(state(), 'closed')
    breaker.release('op_olga', '')
    fail(9)
    assert.equal(state(), 'closed')
  })

  test('forces it for a time, which ends by itself', () => {
    const { breaker, clock, refusal, permit, events } = rig()
    breaker.force({ ...order, to: 'open', until })
    clock.advance(59_001)
    assert.equal(refusal().retryAfterS, 1)
    clock.advance(999)
    permit()
    assert.deepEqual(events.at(-1), {
      ...{ at: until, name: 'partner', event: 'released', by: null, reason: 'its time is over', evidence: [] },
    })
  })
})
