import assert from 'node:assert/strict'
import { pino } from 'pino'
import { type Instant, manualClock, systemClock } from '../../src/kernel/clock.ts'
import { type Breaker, type BreakerEvent, createBreaker, type Permit } from '../../src/platform/breaker.ts'
import { type BreakerConfig, breakerOptions } from '../../src/platform/breaker-config.ts'
import type { Refusal } from '../../src/platform/breaker-refusal.ts'
import { createBreakers } from '../../src/platform/breakers.ts'

/** A breaker on the real clock; without a config one that no test makes open. */
export function testBreaker(config: BreakerConfig = { volume_min: 10_000 }): Breaker {
  return createBreakers(systemClock, pino({ level: 'silent' })).create('test', config)
}

export const START = Date.parse('2026-11-23T10:00:00.000Z') as Instant

/** A breaker on a clock that the test moves, with what it has told of itself. */
export function breakerRig(config: BreakerConfig = {}) {
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
