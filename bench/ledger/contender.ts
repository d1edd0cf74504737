import { setTimeout as sleep } from 'node:timers/promises'
import type { Wish } from './transfers.ts'

/** One way of keeping a ledger. */
export interface Contender {
  readonly name: string
  /** Makes the transfer, and answers once it is committed. Throws when it was not made: no transfer of a bench is refused. */
  transfer(wish: Wish): Promise<void>
  /** @throws AssertionError unless money adds up and each of these keys, which were acknowledged, was carried out once */
  check(keys: readonly string[]): Promise<void>
  close(): Promise<void>
}

export type Sample = { readonly perS: number; readonly p99Ms: number }

const WARM_MS = 500

/** Keeps so many transfers in flight for a while; those that end after the first moments count. */
export async function saturate(
  contender: Contender,
  wish: () => Wish,
  { inFlight, ms }: { readonly inFlight: number; readonly ms: number },
): Promise<Sample & { readonly keys: readonly string[] }> {
  const keys: string[] = []
  const tookMs: number[] = []
  const from = performance.now() + WARM_MS
  const to = from + ms
  const one = async (): Promise<void> => {
    for (let begun = performance.now(); begun < to; ) {
      const wished = wish()
      await contender.transfer(wished)
      keys.push(wished.key)
      const ended = performance.now()
      if (ended >= from && ended < to) tookMs.push(ended - begun)
      begun = ended
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  return { perS: (tookMs.length / ms) * 1_000, p99Ms: p99Of(tookMs), keys }
}

const TICK_MS = 10

/** Asks for so many in a second, each timed from when it was due. @returns the p99 in ms, and what was acknowledged */
export async function pace(
  contender: Contender,
  wish: () => Wish,
  { perS, ms }: { readonly perS: number; readonly ms: number },
): Promise<{ readonly p99Ms: number; readonly keys: readonly string[] }> {
  const keys: string[] = []
  const tookMs: number[] = []
  const all: Promise<void>[] = []
  const start = performance.now()
  for (let due = 0; due < (ms * perS) / 1_000; await sleep(TICK_MS)) {
    for (; (due * 1_000) / perS <= performance.now() - start; due++) {
      const dueAt = start + (due * 1_000) / perS
      const wished = wish()
      all.push(
        contender.transfer(wished).then(() => {
          keys.push(wished.key)
          if (dueAt >= start + WARM_MS) tookMs.push(performance.now() - dueAt)
        }),
      )
    }
  }
  await Promise.all(all)
  return { p99Ms: p99Of(tookMs), keys }
}

function p99Of(tookMs: readonly number[]): number {
  return tookMs.toSorted((a, b) => a - b)[Math.floor(tookMs.length * 0.99)] ?? Number.NaN
}
