import type { Instant } from '../../../kernel/clock.ts'

/** A month of UTC; `from` is in it, `to` is not. */
export type Month = { readonly name: string; readonly from: Instant; readonly to: Instant }

/** A batch may still be on its way when its month ends: how long nothing is taken for complete. */
const STRAGGLERS_MS = 600_000

/** `2026-05`, or null for what is no month. */
export function monthOf(name: string): Month | null {
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(name) ?? []
  if (year === undefined || month === undefined) return null
  const at = (months: number) => Date.UTC(Number(year), Number(month) - 1 + months) as Instant
  return { name, from: at(0), to: at(1) }
}

/** Whether nothing is written in it any more. */
export function isOver({ to }: Month, now: Instant): boolean {
  return to + STRAGGLERS_MS <= now
}
