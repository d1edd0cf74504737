import type { PolicyStore } from '../edge/policy-store.ts'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { type Addresses, addressesFrom, type Environment } from '../platform/addresses.ts'
import type { Breaker } from '../platform/breaker.ts'
import { loadConfig } from '../platform/config.ts'
import type { Config } from '../platform/config-schema.ts'
import type { ServiceName } from '../platform/database.ts'
import type { EventLog } from '../platform/event-log/event-log.ts'
import { byThePage, feedOf } from '../platform/feed.ts'
import { createLog, type Log } from '../platform/log.ts'
import type { PassportKeys } from '../platform/passport.ts'
import { passportKeysIn } from '../platform/passport-keys.ts'
import { createServiceClient, type ServiceClient } from '../platform/service-client.ts'
import { openTracing, type Tracer } from '../platform/tracing.ts'
import { type FeedInUse, openEventLog } from './event-log.ts'

/** Where a platform finds and keeps its files. */
export type Places = { readonly config: string; readonly policies: string; readonly data: string }

/** How a process ends: it serves on for `noticeMs`, and what is under way then has `maxMs`. */
export type Drain = { readonly noticeMs: number; readonly maxMs: number }

const DRAIN = { notice_ms: 1_000, max_ms: 30_000 }

/** What every part may be given. Each takes what it needs, and nothing is reached in any other way. */
export type House = {
  readonly config: Config
  readonly places: Places
  readonly environment: Environment
  readonly addresses: Addresses
  readonly clock: Clock
  readonly log: Log
  readonly passports: PassportKeys
  readonly policies: PolicyStore | null
  /** A line each that whoever starts the process ought to read, by what it is about. */
  readonly notes: Record<string, string>
  /** Null: no traces are kept. */
  tracer(part: string): Tracer | null
  /** A client of one service for another part; behind a breaker where it is given one. */
  client(self: string, service: ServiceName, breaker?: Breaker): ServiceClient
  /** What services tell, and how others follow it. */
  readonly events: EventLog
  /** Which feeds are in use in this process. */
  readonly feeds: readonly FeedInUse[]
  /** Ends with the platform. */
  closing(close: () => unknown): void
  /** Aborted once this process is to end and nobody should send it more. */
  readonly draining: AbortSignal
  readonly drain: Drain
  /** Tells whether a part can serve now; `/readyz` asks. */
  readonly ready: Record<string, () => Promise<boolean>>
}

/** Reads the configuration; `policies` are opened beside the database. @throws ConfigError with what an operator has to mend */
export async function openHouse(
  places: Places,
  environment: Environment,
  closing: (close: () => unknown) => void,
  draining: AbortSignal,
): Promise<House> {
  const addresses = addressesFrom(environment)
  const config = await loadConfig(places.config, { ...addresses.urls, data: places.data })
  const { notice_ms: noticeMs, max_ms: maxMs } = { ...DRAIN, ...config.drain }
  const log = createLog(environment['TIDEGATE_LOG'] ?? 'warn')
  const clock = systemClock
  const passports = passportKeysIn(config.keys.folder, config.keys.generate, (err) =>
    log.error({ err }, 'passport keys: the last good ones stay in force'),
  )
  const tracing = await openTracing(config.telemetry?.traces, log)
  if (tracing !== null) closing(tracing.close)
  const tracer = (part: string): Tracer | null => tracing?.tracerOf(part) ?? null
  const client: House['client'] = (self, service, breaker) => {
    passports(service) // a key file that is missing or broken refuses the start, not the first call
    // Where the edge knows several processes of a service, so do the others.
    const origins = config.upstreams[service]?.endpoints ?? [addresses.urls[service] ?? '']
    return createServiceClient({
      ...{ self, service, origins, passports, clock, tracer: tracer(self) },
      ...(breaker === undefined ? {} : { breaker }),
    })
  }
  const feeds: FeedInUse[] = []
  const embedded = (follower: string, service: ServiceName) => byThePage(feedOf(client(follower, service)))
  const events = openEventLog({ config, environment, log, embedded, feeds })
  closing(events.close)
  return {
    config,
    places,
    environment,
    addresses,
    clock,
    log,
    passports,
    policies: null,
    tracer,
    closing,
    draining,
    drain: { noticeMs, maxMs },
    notes: {},
    ready: {},
    client,
    events,
    feeds,
  }
}
