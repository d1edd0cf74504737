import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import { listOpenOf, lockCase } from './case-store.ts'
import { changeFacts } from './changed-facts.ts'
import { type Assessment, findAssessment, toAssessment } from './store.ts'
import type { Change } from './voting.ts'

/** What became known of a transfer later, from the bank, the member or the desk. */
export const LABELS = ['confirmed_fraud', 'chargeback', 'false_alarm'] as const
export type LabelName = (typeof LABELS)[number]
export type Label = {
  readonly n: number
  readonly label: LabelName
  readonly at: Instant
  readonly actor: string
  readonly note: string
}

/** Cases that one label may change; there are hardly so many open on one payee. */
const CASES_MAX = 100

/**
 * Writes a label down. Where it says that the payee was paid by fraud, open cases of money for the same payee have other
 * facts: their votes are void. Null when there is no such assessment.
 */
export async function labelAssessment(
  change: Change,
  id: string,
  { label, by, note }: { readonly label: LabelName; readonly by: string; readonly note: string },
): Promise<readonly Label[] | null> {
  const { sql, now } = change
  const assessment = await findAssessment(sql, id)
  if (assessment === null) return null
  await sql.query(
    `INSERT INTO assessment_label (assessment, n, label, at, actor, note)
     SELECT $1, coalesce(max(n), 0) + 1, $2, $3, $4, $5 FROM assessment_label WHERE assessment = $1`,
    [id, label, toRfc3339(now), by, note],
  )
  if (label !== 'false_alarm') {
    for (const other of await listOpenOf(sql, 'payee', assessment.facts.transfer.to, CASES_MAX)) {
      const review = await lockCase(sql, other)
      if (review === null || review.state !== 'open' || review.assessment === id) continue
      await changeFacts(change, review, by, { what: 'label', label, assessment: id })
    }
  }
  return (await listLabels(sql, [id])).get(id) ?? []
}

/** The labels of these assessments, oldest first. */
export async function listLabels(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, readonly Label[]>> {
  const rows = await sql.query<Label & { assessment: string }>(
    'SELECT assessment, n, label, at, actor, note FROM assessment_label WHERE assessment = ANY($1::text[]) ORDER BY n',
    [ids],
  )
  return Map.groupBy(rows, ({ assessment }) => assessment)
}

export type RecordedQuery = {
  readonly since: Instant
  /** The last one of the page before. */
  readonly after: { readonly at: Instant; readonly id: string } | null
  readonly limit: number
}
export type Recorded = { readonly assessment: Assessment; readonly labels: readonly Label[] }

/** Assessments since a time, oldest first, and how many there are in all. */
export async function listRecorded(
  sql: Sql,
  { since, after, limit }: RecordedQuery,
): Promise<{ readonly total: number; readonly items: readonly Recorded[] }> {
  const [counted] = await sql.query<{ count: bigint }>('SELECT count(*) FROM assessment WHERE at >= $1', [
    toRfc3339(since),
  ])
  const rows = await sql.query(
    `SELECT * FROM assessment WHERE at >= $1 AND ($2::timestamptz IS NULL OR (at, id) > ($2::timestamptz, $3))
     ORDER BY at, id LIMIT $4`,
    [toRfc3339(since), after === null ? null : toRfc3339(after.at), after?.id ?? '', limit],
  )
  const assessments = rows.map(toAssessment)
  const labels = await listLabels(
    sql,
    assessments.map(({ id }) => id),
  )
  const items = assessments.map((assessment) => ({ assessment, labels: labels.get(assessment.id) ?? [] }))
  return { total: Number(counted?.count ?? 0n), items }
}
