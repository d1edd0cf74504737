import { type Static, Type } from 'typebox'
import type { BreakerOptions } from './breaker.ts'

const ms = (most: number) => Type.Optional(Type.Integer({ minimum: 10, maximum: most }))
const count = Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 }))

/** `breaker` in the configuration, of an upstream or an adapter: what differs from the defaults. */
export const BreakerConfig = Type.Object(
  {
    /** It opens when more than this part of the calls that ended within `window_ms` were faults, and `volume_min` did end. */
    error_share: Type.Optional(Type.Number({ minimum: 0, maximum: 0.99 })),
    volume_min: count,
    window_ms: ms(600_000),
    /** Before the first probe; twice as long after each one that fails, up to `open_ms_max`. */
    open_ms: ms(600_000),
    open_ms_max: ms(3_600_000),
    /** Probes that must go well, one after the other. */
    successes_to_close: count,
  },
  { additionalProperties: false },
)
export type BreakerConfig = Static<typeof BreakerConfig>

export function breakerOptions(config: BreakerConfig = {}): BreakerOptions {
  const { open_ms: openMs = 5_000, open_ms_max: openMsMax = 15_000 } = config
  return {
    errorShare: config.error_share ?? 0.5,
    volumeMin: config.volume_min ?? 10,
    windowMs: config.window_ms ?? 10_000,
    openMs,
    openMsMax: Math.max(openMs, openMsMax),
    successesToClose: config.successes_to_close ?? 3,
  }
}
