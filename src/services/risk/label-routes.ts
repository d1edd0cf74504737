import { Type } from 'typebox'
import { fromRfc3339, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { Problem } from '../../kernel/problem.ts'
import { Limit, limitOf, pageOf } from '../../platform/page.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { closed, nullable, operatorId } from './case-schema.ts'
import { LABELS, type Label, type Recorded } from './labels.ts'
import type { Reviews } from './reviews.ts'
import { AssessmentParams } from './schema.ts'

const LabelShape = Type.Object({
  n: Type.Integer(),
  label: Type.Enum([...LABELS]),
  at: Type.String(),
  actor: Type.String(),
  note: Type.String(),
})
const Labels = Type.Object({ items: Type.Array(LabelShape), next: Type.Null() })

const LabelRequest = Type.Object(
  {
    label: Type.Enum([...LABELS]),
    note: Type.Optional(Type.String({ maxLength: 1_000, pattern: '^[^\\u0000\\p{Cs}]*$' })),
  },
  closed,
)

/** What is needed to decide again, and what became of it. */
const RecordedList = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String(),
      at: Type.String(),
      outcome: Type.String(),
      rule: Type.String(),
      facts: Type.Unknown(),
      labels: Type.Array(LabelShape),
    }),
  ),
  next: nullable(Type.String()),
  /** Of all pages together. */
  total: Type.Integer(),
})

const RecordedParams = Type.Object(
  {
    since: Type.String(),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{1,200}$' })),
  },
  closed,
)

/** Feedback: what assessments turned out to be, and all of them to try other policies on. */
export function labelRoutes(reviews: Reviews): readonly ServiceRoute[] {
  return [
    route({
      method: 'post',
      path: '/v1/assessments/:id/labels',
      operationId: 'labelAssessment',
      summary: 'Says what a transfer turned out to be; fraud gives open cases on the same payee another version',
      callers: ['operator'],
      params: AssessmentParams,
      body: LabelRequest,
      answers: { 201: Labels },
      async run({ passport, params, body: { label, note = '' } }) {
        const labels = await reviews.label(params.id, { label, note, by: operatorId(passport.principal) })
        if (labels === null) throw new Problem('not_found')
        return { status: 201, body: { items: labels.map(wireLabel), next: null } }
      },
    }),
    route({
      method: 'get',
      path: '/v1/assessments',
      operationId: 'listAssessments',
      summary: 'Assessments since a time, oldest first, with what they were decided on and their labels',
      callers: ['operator'],
      query: RecordedParams,
      answers: { 200: RecordedList },
      async run({ query }) {
        const since = fromRfc3339(query.since)
        if (since === null) throw new Problem('validation_failed', { detail: '`since` is an RFC 3339 time' })
        const limit = limitOf(query.limit)
        const after = query.cursor === undefined ? null : readCursor(query.cursor)
        const { total, items } = await reviews.recorded({ since, after, limit: limit + 1 })
        return { status: 200, body: { ...pageOf(items, limit, cursorOf, wireRecorded), total } }
      },
    }),
  ]
}

function wireLabel(label: Label) {
  return { ...label, at: toRfc3339(label.at) }
}

function wireRecorded({ assessment, labels }: Recorded) {
  const { id, at, outcome, rule, facts } = assessment
  return { id, at: toRfc3339(at), outcome, rule, facts, labels: labels.map(wireLabel) }
}

function cursorOf({ assessment: { at, id } }: Recorded): string {
  return Buffer.from(`${at} ${id}`).toString('base64url')
}

function readCursor(cursor: string): { readonly at: Instant; readonly id: string } {
  const [, at, id] = /^(\d{1,15}) (asm_\S{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? []
  if (id === undefined) throw new Problem('validation_failed', { detail: 'the cursor is not one of ours' })
  return { at: Number(at) as Instant, id }
}
