import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Permit } from '../../src/platform/breaker.ts'
import { breakerRig as rig } from '../support/breakers.ts'

test('whatever calls and operators do: one probe at a time, only faults open, only good probes close, a force is above all', () => {
  const config = { volume_min: 3, successes_to_close: 2, open_ms: 100, open_ms_max: 400, window_ms: 1_000 }
  const step = fc.oneof(
    { weight: 30, arbitrary: fc.constant({ do: 'enter' } as const) },
    {
      weight: 30,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        which: fc.nat(),
        how: fc.constantFrom('good' as const, 'good' as const, 'fault' as const, 'fault' as const, 'neither' as const),
      }),
    },
    { weight: 10, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(300) }) },
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
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const { breaker, clock } = rig(config)
      const running: { readonly permit: Permit; isProbe: boolean }[] = []
      let good = 0
      for (const each of steps) {
        const before = breaker.status()
        if (each.do === 'wait') clock.advance(each.ms)
        if (each.do === 'force') {
          breaker.force({ to: each.to, by: 'op_olga', reason: '', until: null })
          for (const call of running) call.isProbe = false // it decides nothing any more
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
          const [ended] = running.splice(each.which % Math.max(running.length, 1), 1)
          ended?.permit[each.how]('rcp_x')
          const now = breaker.status().state
          if (ended?.isProbe) good = each.how === 'good' ? good + 1 : each.how === 'fault' ? 0 : good
          if (before.state === 'closed' && now !== 'closed') assert.equal(each.how, 'fault')
          if (before.state !== 'closed' && now === 'closed')
            assert.ok(ended?.isProbe && each.how === 'good' && good >= 2)
          if (now === 'closed') good = 0
        }
        if (each.do === 'force' || (each.do === 'release' && before.forced !== null)) good = 0
        if (each.do === 'wait') assert.equal(breaker.status().state === 'closed', before.state === 'closed')
      }
    }),
    { numRuns: 300 },
  )
})
