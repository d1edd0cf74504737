import { type Static, Type } from 'typebox'
import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { toWire } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import {
  type PersonAsked,
  type PersonPage,
  type PersonPlan,
  type PersonSection,
  personPage,
  wholeSections,
} from '../../platform/person.ts'
import { MoneyShape } from '../../platform/wire.ts'
import { wireCase } from './case-routes.ts'
import type { CaseEvent } from './case-store.ts'
import { CASE_STATES, type ReviewCase } from './model.ts'
import { casesOf, eventsOf, labelsOf, listAssessmentsOf } from './person-store.ts'
import type { Assessment } from './store.ts'

const PAGE = 100
const text = Type.String()

/** What the operators' export has beside what the person is told: what a suspect of an open review must not learn. */
const Internal = Type.Object({
  outcome: Type.Enum(['accept', 'review', 'hold', 'reject']),
  rule: text,
  reasons: Type.Array(text),
  tags: Type.Array(text),
  considered: Type.Array(Type.Unknown()),
  bundle: text,
  facts: Type.Unknown({ description: 'all that it was decided on: the score, velocities, the rules of the provider' }),
  seqId: Type.Union([text, Type.Null()]),
  fault: Type.Union([text, Type.Null()]),
  unchecked: Type.Boolean(),
  labels: Type.Array(Type.Object({ label: text, at: text, actor: text, note: text })),
  case: Type.Union([
    Type.Unknown({ description: 'with its votes and its history, as `GET /v1/cases/{id}`' }),
    Type.Null(),
  ]),
})

const PersonAssessment = Type.Object({
  id: text,
  at: text,
  idempotencyKey: text,
  receipt: Type.Union([text, Type.Null()]),
  amount: MoneyShape,
  from: text,
  to: text,
  reference: text,
  source: Type.Object({ ip: text, country: text }),
  device: text,
  session: text,
  outcome: Type.Enum(['accept', 'hold', 'reject'], { description: 'what became of the request at once, by rules' }),
  why: Type.Optional(Type.Array(text, { description: 'of a rejection whose rule tells it' })),
  review: Type.Union(
    [Type.Object({ outcome: Type.Enum(CASE_STATES.filter((state) => state !== 'open')), at: text }), Type.Null()],
    { description: 'what people decided on what was held, once they have' },
  ),
  internal: Type.Optional(Internal),
})
type PersonAssessment = Static<typeof PersonAssessment>

export async function planPerson(): Promise<PersonPlan> {
  return { steps: wholeSections(['assessments']) }
}

export const personSections: readonly PersonSection[] = [
  {
    name: 'assessments',
    summary: 'What risk control made of each transfer that was asked for, and on what',
    item: PersonAssessment,
    read: readAssessments,
  },
]

async function readAssessments(sql: Sql, { member, audience, cursor }: PersonAsked): Promise<PersonPage> {
  const [at = '0', id = ''] = cursor.split(':')
  const after = { at: Number(at) as Instant, id }
  const found = await listAssessmentsOf(sql, member, after, PAGE + 1)
  const ids = found.map((assessment) => assessment.id)
  const cases = await casesOf(sql, ids)
  const isInternal = audience === 'operator'
  const reviews = isInternal ? [...cases.values()].map((one) => one.id) : []
  const events = await eventsOf(sql, reviews)
  const labels = await labelsOf(sql, isInternal ? ids : [])
  return personPage(
    found,
    PAGE,
    (assessment) => `${assessment.at}:${assessment.id}`,
    (assessment) => {
      const review = cases.get(assessment.id) ?? null
      const told = toldOf(assessment, review)
      if (!isInternal) return told
      const history = review === null ? [] : (events.get(review.id) ?? [])
      return {
        ...told,
        internal: { ...internalOf(assessment, review, history), labels: labels.get(assessment.id) ?? [] },
      }
    },
  )
}

/**
 * What the person gave, and what was told at once. That a transfer which passed is looked at later is not told, nor anything of a
 * review before it has ended: who is suspected must not learn of it from here.
 */
function toldOf(assessment: Assessment, review: ReviewCase | null): PersonAssessment {
  const { id, at, idempotencyKey, receipt, amount, outcome, reasons, tells, facts } = assessment
  const { from, to, reference } = facts.transfer
  const decided = review === null || review.kind !== 'held' || review.state === 'open' ? null : review.state
  return {
    ...{ id, at: toRfc3339(at), idempotencyKey, receipt, amount: toWire(amount), from, to, reference },
    source: { ip: facts.source.ip, country: facts.source.country },
    device: facts.device?.id ?? '',
    session: facts.session?.id ?? '',
    outcome: outcome === 'review' ? 'accept' : outcome,
    ...(outcome === 'reject' && tells !== 'nothing' ? { why: [...reasons] } : {}),
    review: decided === null ? null : { outcome: decided, at: toRfc3339(review?.closedAt ?? at) },
  }
}

function internalOf(assessment: Assessment, review: ReviewCase | null, events: readonly CaseEvent[]) {
  const { outcome, rule, reasons, tags, considered, bundle, facts, seqId, fault, unchecked } = assessment
  const history = events.map(({ n, at, actor, kind, detail }) => ({ n, at: toRfc3339(at), actor, kind, detail }))
  return {
    ...{ outcome, rule, reasons, tags, considered, bundle, facts, seqId, fault, unchecked },
    case: review === null ? null : { ...wireCase(review), history },
  }
}
