import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../../src/kernel/clock.ts'
import type { Database } from '../../../src/platform/database.ts'

/** In Shanghai it is eight hours later, all the year. */
export const OFFSET_MS = 8 * 3_600_000

export const minorOf = ({ value }: { readonly value: string }): bigint => BigInt(value.replace('.', ''))
const wallOf = (at: number): string => new Date(at + OFFSET_MS).toISOString()
export const dayOf = (at: number): string => wallOf(at).slice(0, 10)
export const monthOf = (at: number): string => wallOf(at).slice(0, 7)

/** What had been used of each day and month at one time or another, one transfer after the other as the ledger has them. */
export async function spentSince(
  database: Database,
  since: number,
  limits: { readonly perDay: bigint; readonly perMonth: bigint },
): Promise<ReadonlyMap<string, ReadonlySet<bigint>>> {
  const entries = await database.transaction((sql) =>
    sql.query<{ phase: string; amount: bigint; transfer: string; madeAt: number }>(
      `SELECT phase, entry.amount, entry.transfer, created_at AS "madeAt" FROM entry JOIN transfer ON transfer.id = entry.transfer
       WHERE account = 'acc_alice' AND (direction = 'debit' OR phase = 'release') ORDER BY version`,
    ),
  )
  const reserved = new Set<string>()
  const used = new Map<string, bigint>()
  const seen = new Map<string, Set<bigint>>()
  for (const { phase, amount, madeAt, transfer: id } of entries) {
    if (phase === 'reserve') reserved.add(id)
    if (madeAt < since || (phase === 'post' && reserved.has(id))) continue
    for (const [name, most] of [
      [dayOf(madeAt), limits.perDay],
      [monthOf(madeAt), limits.perMonth],
    ] as const) {
      const sum = (used.get(name) ?? 0n) + (phase === 'release' ? -amount : amount)
      assert.ok(sum >= 0n && sum <= most, `${name}: ${sum}`)
      used.set(name, sum)
      seen.set(name, (seen.get(name) ?? new Set()).add(sum))
    }
  }
  return seen
}

/** Waits until no decision and no expired hold waits. */
export async function untilQuiet(database: Database, clock: Clock): Promise<void> {
  for (;;) {
    const [left] = await database.transaction((sql) =>
      sql.query<{ work: bigint }>(
        `SELECT (SELECT count(*) FROM decision) + (SELECT count(*) FROM hold_timer WHERE expires_at <= $1) AS work`,
        [new Date(clock.now()).toISOString()],
      ),
    )
    if (left?.work === 0n) return
    await sleep(20)
  }
}
