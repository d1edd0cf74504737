export const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Of a duration as files write it: `24h`. */
export function milliseconds(duration: string): number {
  const unit = /[a-z]+$/.exec(duration)?.[0] as keyof typeof UNIT_MS
  return Number.parseInt(duration, 10) * UNIT_MS[unit]
}
