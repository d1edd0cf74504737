import type { Clock } from '../kernel/clock.ts'
import { type Breaker, type BreakerEvent, createBreaker } from './breaker.ts'
import { type BreakerConfig, breakerOptions } from './breaker-config.ts'
import type { Log } from './log.ts'

/** The breakers of one part, and what has happened to them. */
export interface Breakers {
  create(name: string, config: BreakerConfig | undefined): Breaker
  all(): readonly Breaker[]
  find(name: string): Breaker | null
  /** Newest first; the oldest go. */
  events(): readonly BreakerEvent[]
  /** Tells of each further event. */
  watch(told: (event: BreakerEvent) => void): void
}

const EVENTS_MAX = 100

export function createBreakers(clock: Clock, log: Log): Breakers {
  const breakers = new Map<string, Breaker>()
  const events: BreakerEvent[] = []
  const watchers: ((event: BreakerEvent) => void)[] = []

  const take = (event: BreakerEvent): void => {
    const { at: _, name: breaker, event: what, ...why } = event
    log[what === 'opened' ? 'warn' : 'info']({ breaker, ...why }, `breaker ${what}`)
    events.unshift(event)
    if (events.length > EVENTS_MAX) events.pop()
    for (const told of watchers) told(event)
  }
  return {
    create(name, config) {
      const breaker = createBreaker(name, breakerOptions(config), clock, take)
      breakers.set(name, breaker)
      return breaker
    },
    all: () => [...breakers.values()],
    find: (name) => breakers.get(name) ?? null,
    events: () => events,
    watch: (told) => void watchers.push(told),
  }
}
