import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Instant, manualClock } from '../../src/kernel/clock.ts'
import { Problem } from '../../src/kernel/problem.ts'
import { type BreakerEvent, createBreaker, type Permit } from '../../src/platform/breaker.ts'
import { breakerOptions } from '../../src/platform/breaker-config.ts'
import { type Refusal, refusedBy } from '../../src/platform/breaker-refusal.ts'

const START = Date.parse('2026-11-23T10:00:00.000Z') as Instant
const PROBE_MS_MAX = 60_000

function rig(config: Parameters<typeof breakerOptions>[0] = {}) {
  const clock = manualClock(START)
  const events: BreakerEvent[] = []
  const breaker = createBreaker('partner', breakerOptions(config), clock, (event) => events.push(event))
  const permit = (): Permit => {
    const entered = breaker.enter()
    assert.equal(entered.kind, 'permit')
    return entered as Permit
  }
  const refusal = (): Refusal => {
    const entered = breaker.enter()
    assert.equal(entered.kind, 'refused')
    return entered as Refusal
  }
  let faults = 0
  const fail = (times: number): void => {
    for (let n = 0; n < times; n++) permit().fault(`rcp_${faults++}`)
  }
  const succeed = (times: number): void => {
    for (let n = 0; n < times; n++) permit().good()
  }
  const state = () => breaker.status().state
  return { clock, events, breaker, permit, refusal, fail, succeed, state, told: () => events.map(({ event }) => event) }
}

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

test('whatever calls and operators do: one probe at a time, only faults open, only good probes close, a force is above all', () => {
  const config = { volume_min: 3, successes_to_close: 2, open_ms: 100, open_ms_max: 400, window_ms: 1_000 }
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant({ do: 'enter' } as const) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        which: fc.nat(9),
        how: fc.constantFrom('good' as const, 'fault' as const, 'neither' as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(300) }) },
    {
      arbitrary: fc.record({
        do: fc.constant('force' as const),
        to: fc.constantFrom('open' as const, 'closed' as const),
      }),
      weight: 1,
    },
    { weight: 1, arbitrary: fc.constant({ do: 'release' } as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const { breaker, clock } = rig(config)
      const running: { readonly permit: Permit; readonly isProbe: boolean }[] = []
      let good = 0
      for (const each of steps) {
        const before = breaker.status()
        if (each.do === 'wait') clock.advance(each.ms)
        if (each.do === 'force') {
          breaker.force({ to: each.to, by: 'op_olga', reason: '', until: null })
          for (const call of running.splice(0)) if (!call.isProbe) running.push(call) // probes are given up
        }
        if (each.do === 'release') breaker.release('op_olga', '')
        if (each.do === 'enter') {
          const entered = breaker.enter()
          const { state, forced } = breaker.status()
          if (forced !== null) assert.equal(entered.kind, forced.to === 'open' ? 'refused' : 'permit')
          if (entered.kind === 'refused') assert.ok(entered.retryAfterS >= 1 && state !== 'closed')
          else running.push({ permit: entered, isProbe: forced === null && state === 'half_open' })
          assert.ok(running.filter(({ isProbe }) => isProbe).length <= 1, 'two probes at once')
        }
        if (each.do === 'end') {
          const [ended] = running.splice(each.which, 1)
          ended?.permit[each.how]('rcp_x' as string & null)
          const now = breaker.status().state
          if (ended?.isProbe) good = each.how === 'good' ? good + 1 : each.how === 'fault' ? 0 : good
          if (before.state === 'closed' && now !== 'closed') assert.equal(each.how, 'fault')
          if (before.state !== 'closed' && now === 'closed')
            assert.ok(ended?.isProbe && each.how === 'good' && good >= 2)
          if (now === 'closed') good = 0
        }
        if (each.do === 'force' || each.do === 'release') good = 0
        if (each.do === 'wait') assert.equal(breaker.status().state === 'closed', before.state === 'closed')
      }
    }),
    { numRuns: 300 },
  )
})
