import { Counter, Gauge, type Registry } from 'prom-client'
import type { Endpoint } from './upstream/endpoint.ts'
import type { Upstream } from './upstream.ts'

const PLACE = ['upstream', 'endpoint']

/** How the upstreams' endpoints fare; labels are names and addresses in the configuration. Nothing is counted twice for it. */
export function watchUpstreams(registry: Registry, upstreams: readonly Upstream[]): void {
  const registers = [registry]
  const gauge = (name: string, help: string, of: (endpoint: Endpoint) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: PLACE,
      registers,
      collect() {
        for (const { name: upstream, endpoints } of upstreams) {
          for (const endpoint of endpoints.all) this.set({ upstream, endpoint: endpoint.name }, of(endpoint))
        }
      },
    })
  }
  const counter = (name: string, help: string, of: (endpoint: Endpoint) => number): void => {
    new Counter({
      name,
      help,
      labelNames: PLACE,
      registers,
      collect() {
        this.reset()
        for (const { name: upstream, endpoints } of upstreams) {
          for (const endpoint of endpoints.all) this.inc({ upstream, endpoint: endpoint.name }, of(endpoint))
        }
      },
    })
  }
  gauge('tidegate_endpoint_up', '1 while the endpoint is healthy and not ejected', ({ healthy, ejectedUntil }) =>
    healthy && ejectedUntil === null ? 1 : 0,
  )
  gauge('tidegate_endpoint_running', 'Requests under way, streams included', ({ load, pending }) => load - pending)
  gauge('tidegate_endpoint_pending', 'Requests that wait for a connection', ({ pending }) => pending)
  counter('tidegate_endpoint_ejections_total', 'How often it was ejected', ({ ejections }) => ejections)
  counter('tidegate_endpoint_turned_away_total', 'Refused, as too many waited', ({ turnedAway }) => turnedAway)
  watchSets(registers, upstreams)
}

function watchSets(registers: Registry[], upstreams: readonly Upstream[]): void {
  new Gauge({
    name: 'tidegate_upstream_panicking',
    help: '1 while no endpoint is well, and requests go to all of them',
    labelNames: ['upstream'],
    registers,
    collect() {
      for (const { name: upstream, endpoints } of upstreams) this.set({ upstream }, endpoints.isPanicking ? 1 : 0)
    },
  })
  new Counter({
    name: 'tidegate_upstream_retries_total',
    help: 'Requests sent again, and those that the budget for retries kept from it',
    labelNames: ['upstream', 'outcome'],
    registers,
    collect() {
      this.reset()
      for (const { name: upstream, retries } of upstreams) {
        this.inc({ upstream, outcome: 'sent' }, retries.retries)
        this.inc({ upstream, outcome: 'refused' }, retries.refused)
      }
    },
  })
}
