import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import { type CaseEvent, withVotes } from './case-store.ts'
import { listLabels } from './labels.ts'
import type { ReviewCase } from './model.ts'
import { type Assessment, toAssessment } from './store.ts'

/** Behind which of a member's assessments to go on. */
export type After = { readonly at: Instant; readonly id: string }

/** A member's assessments, oldest first. */
export async function listAssessmentsOf(
  sql: Sql,
  member: string,
  after: After,
  limit: number,
): Promise<readonly Assessment[]> {
  const rows = await sql.query(
    'SELECT * FROM assessment WHERE member = $1 AND (at, id) > ($2::timestamptz, $3::text) ORDER BY at, id LIMIT $4',
    [member, toRfc3339(after.at), after.id, limit],
  )
  return rows.map(toAssessment)
}

/** The cases that these assessments led to, by assessment. */
export async function casesOf(sql: Sql, assessments: readonly string[]): Promise<ReadonlyMap<string, ReviewCase>> {
  const cases = await withVotes(
    sql,
    await sql.query('SELECT * FROM review_case WHERE assessment = ANY($1)', [assessments]),
  )
  return new Map(cases.map((one) => [one.assessment, one]))
}

/** What happened to these cases, in order, by case. */
export async function eventsOf(sql: Sql, cases: readonly string[]): Promise<ReadonlyMap<string, readonly CaseEvent[]>> {
  const rows = await sql.query<CaseEvent & { case: string }>(
    'SELECT case_id AS case, n, at, actor, kind, detail FROM case_event WHERE case_id = ANY($1) ORDER BY case_id, n',
    [cases],
  )
  return Map.groupBy(rows, (row) => row.case)
}

export type ToldLabel = { readonly label: string; readonly at: string; readonly actor: string; readonly note: string }

/** What these assessments turned out to be, oldest first, by assessment. */
export async function labelsOf(
  sql: Sql,
  assessments: readonly string[],
): Promise<ReadonlyMap<string, readonly ToldLabel[]>> {
  const labels = await listLabels(sql, assessments)
  return new Map(
    [...labels].map(([id, all]) => {
      return [id, all.map(({ label, at, actor, note }) => ({ label, at: toRfc3339(at), actor, note }))]
    }),
  )
}
