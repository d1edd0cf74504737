import type { ProviderFigures } from '../../adapters/fraud/measured.ts'
import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { type Currency, money, toWire } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import type { DeskFigures } from '../../platform/desk-figures.ts'
import type { Ownership } from './held-watch.ts'
import type { CaseKind } from './model.ts'

const DAY_MS = 86_400_000
/** As the decided cases of people say it; see `endInTime`. */
const TIMED_OUT = 'timed out%'

export async function readFigures(
  sql: Sql,
  now: Instant,
  holds: Ownership | null,
  providers: readonly ProviderFigures[],
): Promise<DeskFigures> {
  const since = toRfc3339((now - DAY_MS) as Instant)
  const queues = await sql.query<{
    queue: string
    kind: CaseKind
    currency: Currency
    open: bigint
    oldest: Instant
    minor: bigint
  }>(
    `SELECT queue, kind, currency, count(*) AS open, min(opened_at) AS oldest, sum(minor)::bigint AS minor
     FROM review_case WHERE state = 'open' GROUP BY queue, kind, currency ORDER BY queue, kind, currency`,
  )
  const decided = await sql.query<{ rule: string; state: string; timer: boolean; cases: bigint }>(
    `SELECT a.rule, c.state, c.reason LIKE '${TIMED_OUT}' AS timer, count(*) AS cases
     FROM review_case AS c JOIN assessment AS a ON a.id = c.assessment
     WHERE c.state IN ('approved', 'declined') AND c.closed_at > $1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
    [since],
  )
  const [held] = await sql.query<{ p50: number | null; p95: number | null }>(
    `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - opened_at)) AS p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - opened_at)) AS p95
     FROM review_case WHERE kind = 'held' AND state <> 'open' AND closed_at > $1`,
    [since],
  )
  const fallback = await sql.query<{ outcome: string; assessments: bigint }>(
    'SELECT outcome, count(*) AS assessments FROM assessment WHERE fault IS NOT NULL AND at > $1 GROUP BY 1 ORDER BY 1',
    [since],
  )
  return {
    queues: queues.map(({ queue, kind, currency, open, oldest, minor }) => {
      const oldestS = Math.max(0, (now - oldest) / 1_000)
      return { queue, kind, open: Number(open), oldestS, money: toWire(money(currency, minor)) }
    }),
    decided: decided.flatMap(({ timer, cases, ...each }) => (timer ? [] : [{ ...each, cases: Number(cases) }])),
    timedOut: ['approved', 'declined'].map((state) => ({
      state,
      cases: decided.reduce((sum, each) => (each.timer && each.state === state ? sum + Number(each.cases) : sum), 0),
    })),
    heldS: { p50: held?.p50 ?? 0, p95: held?.p95 ?? 0 },
    fallback: fallback.map(({ outcome, assessments }) => ({ outcome, assessments: Number(assessments) })),
    holds: holds === null ? null : { held: holds.held, unowned: holds.unowned.length },
    providers: providers.map(({ name, asked, durations, cost }) => ({
      ...{ name, asked, buckets: [...durations.counts], sumS: durations.sumS },
      cost: cost === null ? null : toWire(cost),
    })),
  }
}
