import { type Clock, type Instant, toRfc3339 } from '../kernel/clock.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import type { Upstream } from './upstream.ts'

/** An upstream as `GET /v1/upstreams` tells of it: which endpoints take requests, and what runs and waits there. */
export function upstreamView({ name, endpoints, retries }: Upstream, clock: Clock): object {
  return {
    name,
    panicking: endpoints.isPanicking,
    retries: { sent: retries.retries, refused: retries.refused },
    endpoints: endpoints.all.map((endpoint) => endpointView(endpoint, clock)),
  }
}

function endpointView(endpoint: Endpoint, clock: Clock): object {
  const { origin, healthy, ejectedUntil, ejections, failures, inFlight, pending, streams, turnedAway } = endpoint
  return {
    origin,
    healthy,
    ejectedUntil:
      ejectedUntil === null ? null : toRfc3339(Math.round(clock.now() + ejectedUntil - performance.now()) as Instant),
    ejections,
    failuresInRow: failures,
    running: inFlight - pending,
    pending,
    streams,
    turnedAway,
  }
}
