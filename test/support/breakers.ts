import { pino } from 'pino'
import { systemClock } from '../../src/kernel/clock.ts'
import type { Breaker } from '../../src/platform/breaker.ts'
import type { BreakerConfig } from '../../src/platform/breaker-config.ts'
import { createBreakers } from '../../src/platform/breakers.ts'

/** A breaker on the real clock; without a config one that no test makes open. */
export function testBreaker(config: BreakerConfig = { volume_min: 10_000 }): Breaker {
  return createBreakers(systemClock, pino({ level: 'silent' })).create('test', config)
}
