import { type Static, Type } from 'typebox'
import { idPattern } from '../../kernel/id.ts'
import { line, MoneyShape } from '../../platform/wire.ts'
import { CALLEES, TELLS } from '../../policy/index.ts'
import { CaseReview, CaseState, closed, nullable, VoteKind } from './case-schema.ts'

const shortText = Type.String({ maxLength: 128, pattern: '^[^\\p{Cc}\\p{Cs}]*$' })

/** Each may cost a score. */
const LEGS_MAX = 20
const Leg = Type.Object({ from: line(128), to: line(128), amount: MoneyShape }, closed)

export const AssessmentRequest = Type.Object(
  {
    /** Whose Idempotency-Key it is: a member's or an operator's id. */
    member: line(128),
    idempotencyKey: line(255),
    bodySha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    receipt: nullable(line(128)),
    /** Where it has legs, the ends are the first one's, and the amount is what they come to. */
    transfer: Type.Object(
      {
        ...{ from: line(128), to: line(128), amount: MoneyShape, reference: line(140) },
        legs: Type.Optional(Type.Array(Leg, { minItems: 1, maxItems: LEGS_MAX })),
      },
      closed,
    ),
    /** What the edge was told to look for; empty where it found nothing, left out by who does not look. */
    context: Type.Optional(Type.Object({ device: shortText, session: shortText, level: shortText }, closed)),
    source: Type.Object({ ip: line(64), country: Type.String({ maxLength: 2 }) }, closed),
    /** What the edge's rules left on the request: tags, and risk rules not to apply. */
    marks: Type.Object(
      { tags: Type.Array(line(64), { maxItems: 100 }), skips: Type.Array(line(128), { maxItems: 1_000 }) },
      closed,
    ),
  },
  closed,
)
export type AssessmentRequest = Static<typeof AssessmentRequest>

const Assessment = Type.Object({
  id: Type.String(),
  version: Type.Literal(1),
  outcome: Type.Enum(['accept', 'review', 'hold', 'reject']),
  /** `risk/ID` */
  rule: Type.String(),
  reasons: Type.Array(Type.String()),
  /** What would let it pass, and how much of all this the caller may be told. */
  remedy: nullable(Type.String()),
  tells: Type.Enum([...TELLS]),
  /** With which change it would have passed, where the rule tells it. */
  change: nullable(Type.String()),
  /** What the rules tagged the transfer with, here and at the edge. */
  tags: Type.Array(Type.String()),
  /** It passed without an answer of the fraud provider. */
  unchecked: Type.Boolean(),
  /** How long the money is to be reserved, in milliseconds; with `hold` only. */
  holdMs: Type.Optional(Type.Integer()),
  provider: Type.Object({
    status: Type.Enum(['ok', 'unavailable']),
    decision: Type.String(),
    score: Type.Integer(),
    seqId: nullable(Type.String()),
  }),
})

/** For the edge: `replayed` when it was decided before, and not for this call. */
export const AssessmentAnswer = Type.Object({
  ...Assessment.properties,
  replayed: Type.Boolean(),
  /** The rules that mattered, for the receipt. */
  considered: Type.Array(
    Type.Object({ rule: Type.String(), outcome: Type.String(), mode: Type.String(), effect: Type.String() }),
  ),
})

/** For operators: with what it was decided on. */
export const AssessmentDetail = Type.Object({
  ...Assessment.properties,
  member: Type.String(),
  receipt: nullable(Type.String()),
  /** The digest of the policies that decided. */
  bundle: Type.String(),
  considered: Type.Array(Type.Unknown()),
  facts: Type.Unknown(),
  /** Why there is no score, where there is none. */
  fault: nullable(Type.String()),
  at: Type.String(),
  /** What people made of it, and who they were; null where nobody was asked. */
  review: nullable(CaseReview),
})

/** As the provider says it. */
export const ProviderDetails = Type.Object({ seqId: nullable(Type.String()), details: Type.Unknown() })

/** A budget of what may pass unchecked, and what is left of it now. */
export const BudgetList = Type.Object({
  items: Type.Array(
    Type.Object({
      callee: Type.Enum([...CALLEES]),
      perMs: Type.Integer(),
      count: Type.Object({ limit: Type.Integer(), left: Type.Integer() }),
      amount: Type.Object({ limit: MoneyShape, left: MoneyShape }),
    }),
  ),
  next: Type.Null(),
})

/** The Idempotency-Key was used with another body; nothing was assessed. */
export const Conflict = Type.Object({ outcome: Type.Literal('conflict') })

export const DecisionAnswer = Type.Object({
  case: Type.String(),
  state: CaseState,
  approvals: Type.Integer(),
  needed: Type.Integer(),
  vote: VoteKind,
})
export type DecisionAnswer = Static<typeof DecisionAnswer>

export const AssessmentParams = Type.Object({ id: Type.String({ pattern: idPattern('assessment') }) }, closed)

/** What cash flow says when it holds money on our word. */
export const TransferHeld = Type.Object({
  operation: Type.String(),
  transfer: Type.String(),
  amount: MoneyShape,
  maker: Type.String(),
  assessment: nullable(Type.String()),
  receipt: Type.Optional(nullable(Type.String())),
  judgedBy: Type.Optional(Type.Array(Type.Object({ product: Type.String(), version: Type.Integer() }))),
  expiresAt: Type.String(),
})
export const StandingChanged = Type.Object({ member: Type.String(), status: Type.String(), level: Type.Integer() })
export const CreditLineSet = Type.Object({ account: Type.String(), creditLine: MoneyShape })
/** Of a leg, `partOf` is the transfer that was assessed. */
export const TransferResolved = Type.Object({
  transfer: Type.String(),
  partOf: Type.Optional(Type.String()),
  reason: Type.Optional(nullable(Type.String())),
})
