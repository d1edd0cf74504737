import { Counter, Gauge, type Registry } from 'prom-client'
import type { PlatformBreakers } from './breaker-board.ts'

const LEVELS = { closed: 0, half_open: 1, open: 2 } as const

/** Where all breakers stand, and what happens to the edge's own; labels are their names, which the configuration bounds. */
export function watchBreakers(registry: Registry, breakers: PlatformBreakers): void {
  const registers = [registry]
  new Gauge({
    name: 'tidegate_breaker_open',
    help: '1 while the breaker of the upstream lets nothing through',
    labelNames: ['upstream'],
    registers,
    collect() {
      for (const breaker of breakers.own.all()) {
        const { name, state } = breaker.status()
        this.set({ upstream: name }, state === 'open' ? 1 : 0)
      }
    },
  })
  new Gauge({
    name: 'tidegate_breaker_state',
    help: '0 closed, 1 half open (single probes), 2 open; those of a service that is away are missing',
    labelNames: ['name'],
    registers,
    async collect() {
      this.reset()
      for (const { name, state } of (await breakers.board()).items) this.set({ name }, LEVELS[state])
    },
  })
  const events = new Counter({
    name: 'tidegate_breaker_events_total',
    help: 'What happened to the breaker of the edge: opened, half_open, closed, forced_open, forced_closed, released',
    labelNames: ['name', 'event'],
    registers,
  })
  breakers.own.watch(({ name, event }) => events.inc({ name, event }))
}
