import { Counter, Gauge, type Registry } from 'prom-client'
import type { Breakers } from '../platform/breakers.ts'

const LEVELS = { closed: 0, half_open: 1, open: 2 } as const

/** Where the edge's own breakers stand; labels are their names, which the configuration bounds. */
export function watchBreakers(registry: Registry, breakers: Breakers): void {
  const registers = [registry]
  new Gauge({
    name: 'tidegate_breaker_open',
    help: '1 while the breaker of the upstream lets nothing through',
    labelNames: ['upstream'],
    registers,
    collect() {
      for (const breaker of breakers.all()) {
        const { name, state } = breaker.status()
        this.set({ upstream: name }, state === 'open' ? 1 : 0)
      }
    },
  })
  new Gauge({
    name: 'tidegate_breaker_state',
    help: '0 closed, 1 half open (probes only), 2 open',
    labelNames: ['name'],
    registers,
    collect() {
      for (const breaker of breakers.all()) {
        const { name, state } = breaker.status()
        this.set({ name }, LEVELS[state])
      }
    },
  })
  const events = new Counter({
    name: 'tidegate_breaker_events_total',
    help: 'What happened to the breaker: opened, half_open, closed, forced_open, forced_closed, released',
    labelNames: ['name', 'event'],
    registers,
  })
  breakers.watch(({ name, event }) => events.inc({ name, event }))
}
