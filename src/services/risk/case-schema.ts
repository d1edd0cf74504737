import { Type } from 'typebox'
import { idPattern } from '../../kernel/id.ts'
import { Problem } from '../../kernel/problem.ts'
import { Limit } from '../../platform/page.ts'
import type { Principal } from '../../platform/passport.ts'
import { line, MoneyShape } from '../../platform/wire.ts'
import { PRIORITIES } from '../../policy/index.ts'
import { CASE_KINDS, CASE_STATES } from './model.ts'

/** Cases on the wire. */

export const closed = { additionalProperties: false }
export const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const VoteKind = Type.Enum(['approve', 'decline'])
export const CaseState = Type.Enum([...CASE_STATES])
const noNul = { pattern: '^[^\\u0000\\p{Cs}]*$' }
const queueName = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' })

const Vote = Type.Object({
  reviewer: Type.String(),
  vote: VoteKind,
  reason: Type.String(),
  at: Type.String(),
  caseVersion: Type.Integer(),
  /** The facts have changed since: it does not count. */
  void: Type.Boolean(),
})

/** What became of a transfer's case, and who decided. */
export const CaseReview = Type.Object({
  case: Type.String(),
  state: CaseState,
  reason: nullable(Type.String()),
  votes: Type.Array(Vote),
})

export const Case = Type.Object({
  id: Type.String(),
  version: Type.Integer(),
  /** `held`: money waits. `passed`: it has moved, and somebody looks at it later. */
  kind: Type.Enum([...CASE_KINDS]),
  operation: Type.String(),
  transfer: Type.String(),
  assessment: Type.String(),
  receipt: nullable(Type.String()),
  maker: Type.String(),
  amount: MoneyShape,
  state: CaseState,
  approvals: Type.Integer(),
  needed: Type.Integer(),
  queue: Type.String(),
  priority: Type.Enum([...PRIORITIES]),
  /** Nobody else decides until then. */
  assignment: nullable(Type.Object({ reviewer: Type.String(), until: Type.String() })),
  caseVersion: Type.Integer(),
  snapshotHash: Type.String(),
  facts: Type.Unknown(),
  openedAt: Type.String(),
  escalateAt: nullable(Type.String()),
  dueAt: Type.String(),
  onTimeout: Type.Enum(['decline', 'approve', 'lapse']),
  holdExpiresAt: nullable(Type.String()),
  closedAt: nullable(Type.String()),
  reason: nullable(Type.String()),
  votes: Type.Array(Vote),
})
export const CaseList = Type.Object({ items: Type.Array(Case), next: nullable(Type.String()) })

export const CaseDetail = Type.Object({
  ...Case.properties,
  /** Who did what, in order. */
  history: Type.Array(
    Type.Object({
      n: Type.Integer(),
      at: Type.String(),
      actor: Type.String(),
      kind: Type.String(),
      detail: Type.Unknown(),
    }),
  ),
})

export const CaseQuery = Type.Object(
  {
    state: Type.Optional(CaseState),
    queue: Type.Optional(queueName),
    assignee: Type.Optional(line(64)),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$' })),
  },
  closed,
)
export const CaseParams = Type.Object({ id: Type.String({ pattern: idPattern('case') }) }, closed)

export const OperatorVote = Type.Object(
  {
    vote: VoteKind,
    reason: Type.String({ maxLength: 1_000, ...noNul }),
    /** The version that the operator looked at; a vote on another one is refused. */
    caseVersion: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  closed,
)

const Minutes = Type.Optional(Type.Integer({ minimum: 1, maximum: 480, default: 30 }))
/** Whom a case is given to: who asks, when left out. */
export const AssignmentRequest = Type.Object({ reviewer: Type.Optional(line(64)), minutes: Minutes }, closed)
export const NextRequest = Type.Object({ queue: Type.Optional(queueName), minutes: Minutes }, closed)
export const NoteRequest = Type.Object({ text: Type.String({ minLength: 1, maxLength: 4_000, ...noNul }) }, closed)

/** The desk's decisions as they arrived, and what they were answered. */
export const RawDecisions = Type.Object({
  items: Type.Array(
    Type.Object({
      nonce: Type.String(),
      receivedAt: Type.String(),
      headers: Type.Unknown(),
      body: Type.String(),
      /** Whether a key of the desk that counts today signed it then. */
      verified: Type.Boolean(),
      answer: Type.Unknown(),
    }),
  ),
  next: Type.Null(),
})

export const OwnershipQuery = Type.Object(
  { olderThanS: Type.Optional(Type.String({ pattern: '^[0-9]{1,6}$' })) },
  closed,
)
export const Unowned = Type.Object({
  checkedAt: Type.String(),
  /** How many were looked at. */
  held: Type.Integer(),
  items: Type.Array(Type.Object({ transfer: Type.String(), heldAt: Type.String(), expiresAt: Type.String() })),
  next: Type.Null(),
})

/** Who acts, on routes that only operators may call. @throws Problem for anybody else */
export function operatorId(principal: Principal): string {
  if (principal.kind !== 'operator') throw new Problem('not_found')
  return principal.id
}
