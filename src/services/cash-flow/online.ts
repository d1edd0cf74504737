import type { Instant } from '../../kernel/clock.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Sql } from '../../platform/database.ts'
import type { VersionChoice } from '../../platform/versions.ts'
import type { OpenAccount } from './books.ts'
import { EFFECTIVE_MS_MAX } from './effective.ts'
import type { Balance, Entry } from './model.ts'
import { type EntryRange, type Hole, listEntries, listHoles, readBalance, sumBackdated } from './store.ts'

/**
 * The balance as it was: after the entry with that version, or the last entry by that time. Null: there was none yet.
 * @throws Problem `month_detached` when the entry that would tell may be in a detached month
 */
export async function balanceAsOf(sql: Sql, open: OpenAccount, choice: VersionChoice): Promise<Balance | null> {
  const balance = await readBalance(sql, open, choice)
  if (choice === 'newest') return balance
  if ('version' in choice) {
    if (balance !== null) return balance
    const holes = await listHoles(sql, open, { from: null, to: null })
    refuse(holes.filter(({ below, above }) => below < choice.version && choice.version < above))
  } else if (balance !== null) {
    const holes = await listHoles(sql, open, { from: null, to: choice.at })
    refuse(holes.filter(({ below }) => below === balance.version))
  }
  return balance
}

/**
 * Of the entries that were known as chosen, the balance of those that were effective by a time. What is reserved stands as it
 * was at that time. Null: there was none yet. @throws Problem `month_detached`
 */
export async function effectiveBalance(
  sql: Sql,
  open: OpenAccount,
  choice: VersionChoice,
  at: Instant,
): Promise<Balance | null> {
  const known = await balanceAsOf(sql, open, choice)
  const then = await balanceAsOf(sql, open, { at })
  if (known === null || then === null || then.version >= known.version) return then === null ? null : known
  const until = (at + EFFECTIVE_MS_MAX) as Instant
  const holes = await listHoles(sql, open, { from: at, to: until })
  refuse(holes.filter(({ below, above }) => below < known.version && above > then.version + 1))
  const late = await sumBackdated(sql, open.account, { at, until, above: then.version, upTo: known.version })
  return { ...then, version: known.version, posted: then.posted + late }
}

/**
 * Up to `limit` entries of the range, newest first, and whether there are more. It ends above what may be in a detached month.
 * @throws Problem `month_detached` when that begins with the first one
 */
export async function entriesOf(
  sql: Sql,
  open: OpenAccount,
  range: EntryRange,
  limit: number,
): Promise<{ readonly entries: readonly Entry[]; readonly more: boolean }> {
  const entries = await listEntries(sql, open.account, range, limit + 1)
  const holes = await listHoles(sql, open, range)
  const [hole] = holes.filter(({ below }) => range.below === null || below + 1 < range.below)
  const here = hole === undefined ? entries : entries.filter(({ version }) => version >= hole.above)
  if (hole !== undefined && here.length === 0) refuse(holes.filter(({ below }) => below === hole.below))
  return { entries: here.slice(0, limit), more: hole !== undefined || here.length > limit }
}

function refuse(holes: readonly Hole[]): void {
  if (holes.length === 0) return
  const months = holes.map(({ month, file, digest }) => ({ month, file, sha256: digest }))
  const where = months.map(({ month, file }) => `${month} in ${file}`).join(', ')
  throw new Problem('month_detached', {
    detail: `entries were detached, and are in an export: ${where}`,
    state: { months },
  })
}
