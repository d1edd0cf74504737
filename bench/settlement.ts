import { type Instant, systemClock } from '../src/kernel/clock.ts'
import { asId } from '../src/kernel/id.ts'
import { money } from '../src/kernel/money.ts'
import type { Database } from '../src/platform/database.ts'
import { createOutbox } from '../src/platform/outbox.ts'
import { openPglite } from '../src/platform/pglite.ts'
import { settlementMigrations } from '../src/services/settlement/index.ts'
import { settlementOptions } from '../src/services/settlement/options.ts'
import { createReconciler } from '../src/services/settlement/reconciliation.ts'
import { listReconciliations } from '../src/services/settlement/reconciliation-store.ts'
import { createService } from '../src/services/settlement/service.ts'
import { statementXml } from '../test/support/statements.ts'
import type { Measured } from './run.ts'

const FEW = 10_000
const MANY = 100_000
const LOOK_EVERY_MS = 1_000
const MB = 1_048_576

type Round = { readonly close_s: number; readonly match_s: number; readonly peak_mb: number; readonly seen: number }

/**
 * A batch of so many transfers closed, and a statement of so many lines read, kept and matched, on a new PGlite in memory
 * each. The postings and payouts are there before; half of the lines bear a reference, half are found by amount, date and party.
 */
export async function benchSettlement(): Promise<Measured> {
  await round(1_000) // so that neither round pays for what is compiled once
  const few = await round(FEW)
  const many = await round(MANY)
  const of = (figure: 'close_s' | 'match_s') => rounded(many[figure] / few[figure])
  return {
    ratios: { t100k_to_10k: rounded((many.close_s + many.match_s) / (few.close_s + few.match_s)) },
    figures: {
      close_s: many.close_s,
      match_s: many.match_s,
      close_10k_s: few.close_s,
      match_10k_s: few.match_s,
      close_growth: of('close_s'),
      match_growth: of('match_s'),
      peak_mb: many.peak_mb,
      peak_10k_mb: few.peak_mb,
      progress_reports: many.seen,
    },
  }
}

async function round(count: number): Promise<Round> {
  const server = await openPglite(null)
  const database = await server.open('settlement', settlementMigrations)
  const outbox = createOutbox(database, systemClock)
  const service = createService(outbox, systemClock, (currency) => money(currency, 0n))
  await writeLines(database, count)
  const closing = { member: asId('member', 'mem_busy'), currency: 'CNY', cutOff: systemClock.now() } as const
  const close_s = await seconds(async () => {
    const outcome = await service.close(closing)
    if (outcome.kind !== 'closed' || outcome.batch.lines !== count) throw new Error('a batch of all lines was closed')
  })

  await writePayouts(database, count)
  const xml = statementXml(`S-${count}`, toldOf(count), { to: new Date(systemClock.now() + 3_600_000).toISOString() })
  const { rules } = settlementOptions()
  const reconciler = createReconciler(outbox, systemClock, rules)
  let seen = 0
  let peak = 0
  const looking = setInterval(async () => {
    peak = Math.max(peak, process.memoryUsage().rss)
    const [running] = await outbox.transaction((sql) => listReconciliations(sql, null, 1)).catch(() => [])
    if (running === undefined || count < FEW) return
    seen += 1
    console.error(`  ${count}: ${running.pass}, ${running.lines.matched} of ${running.lines.all} lines`)
  }, LOOK_EVERY_MS)
  const match_s = await seconds(async () => {
    const outcome = await reconciler.import(xml, 'operator:op_bench')
    if (outcome.kind !== 'imported') throw new Error(`the statement was ${outcome.kind}`)
  })
  clearInterval(looking)
  peak = Math.max(peak, process.memoryUsage().rss)
  const [done] = await outbox.transaction((sql) => listReconciliations(sql, null, 1))
  if (done?.lines.matched !== count || done.payouts.broken !== 0) throw new Error('every line was matched')
  await server.close()
  return { close_s, match_s, peak_mb: Math.round(peak / MB), seen }
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const since = performance.now()
  await work()
  return rounded((performance.now() - since) / 1000)
}

function rounded(figure: number): number {
  return Math.round(figure * 100) / 100
}

/** Postings to one member, as the feed would have brought them. */
async function writeLines(database: Database, count: number): Promise<void> {
  await database.transaction((sql) =>
    sql.query(
      `WITH line AS (
         INSERT INTO settlement_line
           (seq, direction, member, currency, amount, transfer, kind, posted_at, account, counterparty)
         SELECT n, 'in', 'mem_busy', 'CNY', 100 + n % 1000, 'trf_' || n, 'transfer', now() - interval '1 hour', 'acc_busy',
           'mem_' || n % 500 FROM generate_series(1, $1::int) AS n
         RETURNING seq, direction, member, currency, posted_at)
       INSERT INTO open_line (seq, direction, member, currency, posted_at) SELECT * FROM line`,
      [count],
    ),
  )
}

/** Payouts that the bank has accepted, each of a batch of its own; a hundred for each account. */
async function writePayouts(database: Database, count: number): Promise<void> {
  const at = new Date(systemClock.now() as Instant).toISOString()
  await database.transaction(async (sql) => {
    await sql.query(
      `INSERT INTO settlement_batch (id, member, currency, cut_off, carried, lines, gross_in, gross_out, closed_at)
       SELECT 'stb_' || n, 'mem_' || n, 'CNY', $2, 0, 1, 100 + n % 1000, 0, $2 FROM generate_series(1, $1::int) AS n`,
      [count, at],
    )
    await sql.query(
      `INSERT INTO payment_file (id, currency, digest, xml, state, next_try_at, created_at)
       VALUES ('pmf_bench', 'CNY', '', '', 'answered', $1, $1)`,
      [at],
    )
    await sql.query(
      `INSERT INTO payout (id, batch, member, state, next_try_at, account, currency, amount, withdrawal, file, sent_at)
       SELECT 'pay_' || n, 'stb_' || n, 'mem_' || n, 'paid', $2, 'acc_' || n / 100, 'CNY', 100 + n % 1000, 'wdr_' || n, 'pmf_bench', $2
       FROM generate_series(1, $1::int) AS n`,
      [count, at],
    )
  })
}

function toldOf(count: number) {
  const on = new Date(systemClock.now()).toISOString().slice(0, 10)
  return Array.from({ length: count }, (_, index) => {
    const n = index + 1
    const base = { amount: BigInt(100 + (n % 1000)), party: `acc_${Math.floor(n / 100)}`, on }
    return n % 2 === 0 ? { ...base, reference: `pay_${n}` } : base
  })
}
