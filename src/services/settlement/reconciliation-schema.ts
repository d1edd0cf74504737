import { type Static, Type } from 'typebox'
import { idPattern } from '../../kernel/id.ts'
import { CURRENCIES } from '../../kernel/money.ts'
import { Limit } from '../../platform/page.ts'
import { line, MoneyShape } from '../../platform/wire.ts'
import { PASSES } from './reconciliation-store.ts'

const closed = { additionalProperties: false } as const

const Currency = Type.Enum([...CURRENCIES])
const Time = Type.String({ format: 'date-time', maxLength: 40 })
const TimeOrNull = Type.Union([Time, Type.Null()])
const Count = Type.Integer({ minimum: 0 })
const Next = Type.Union([Type.String(), Type.Null()])
const ReconciliationId = Type.String({ pattern: idPattern('reconciliation') })
const StatementId = Type.String({ pattern: idPattern('statement') })
const BreakId = Type.String({ pattern: idPattern('break') })

export const ByReconciliation = Type.Object({ id: ReconciliationId })
export const ByStatement = Type.Object({ id: StatementId })
export const ByBreak = Type.Object({ id: BreakId })
export const ByFile = Type.Object({ id: Type.String({ pattern: idPattern('paymentFile') }) })

/** `all` is `matched` and `broken`, once it is finished. */
export const WireReconciliation = Type.Object(
  {
    id: ReconciliationId,
    statement: StatementId,
    state: Type.Enum(['running', 'finished']),
    pass: Type.Enum([...PASSES]),
    lines: Type.Object({ all: Count, matched: Count, broken: Count }, closed),
    payouts: Type.Object({ matched: Count, broken: Count }, closed),
    follows: Type.Boolean({ description: 'it begins with the balance that the statement before it ended with' }),
    startedAt: Time,
    finishedAt: TimeOrNull,
    version: Type.Integer({ minimum: 1 }),
  },
  closed,
)
export type WireReconciliation = Static<typeof WireReconciliation>

export const ReconciliationQuery = Type.Object(
  { limit: Type.Optional(Limit), cursor: Type.Optional(ReconciliationId) },
  closed,
)
export const WireReconciliations = Type.Object({ items: Type.Array(WireReconciliation), next: Next }, closed)

export const WireStatement = Type.Object(
  {
    id: StatementId,
    digest: Type.String(),
    account: Type.String(),
    name: Type.String(),
    currency: Currency,
    from: Time,
    to: Time,
    opening: MoneyShape,
    closing: MoneyShape,
    lines: Count,
    follows: Type.Boolean(),
    importedBy: Type.String(),
    importedAt: Time,
    version: Type.Integer({ minimum: 1 }),
  },
  closed,
)

export const ByNotification = Type.Object({ id: Type.String({ pattern: idPattern('notification') }) })

/** `paid`: payouts that it told of first; `returned`: those that it says came back, which the statement gives back. */
export const WireNotification = Type.Object(
  {
    id: Type.String({ pattern: idPattern('notification') }),
    digest: Type.String(),
    account: Type.String(),
    name: Type.String(),
    lines: Count,
    paid: Count,
    returned: Count,
    importedBy: Type.String(),
    importedAt: Time,
    version: Type.Integer({ minimum: 1 }),
  },
  closed,
)
export type WireNotification = Static<typeof WireNotification>

const Resolution = Type.Enum(['write_off', 'give_back', 'explained'])

export const WireBreak = Type.Object(
  {
    id: BreakId,
    reconciliation: ReconciliationId,
    statement: StatementId,
    /** Who brought the statement, and so approves nothing of it. */
    importedBy: Type.String(),
    kind: Type.Enum(['missing', 'unexpected', 'different', 'returned']),
    expected: MoneyShape,
    actual: MoneyShape,
    lines: Type.Array(Type.Integer({ minimum: 1 })),
    payouts: Type.Array(Type.String({ pattern: idPattern('payout') })),
    openedAt: Time,
    ageS: Count,
    state: Type.Enum(['open', 'proposed', 'resolved']),
    owner: Type.String(),
    resolution: Type.Union([
      Type.Enum(['write_off', 'give_back', 'explained', 'arrived_later', 'refused_later']),
      Type.Null(),
    ]),
    actor: Type.String(),
    reason: Type.String(),
    version: Type.Integer({ minimum: 1 }),
  },
  closed,
)
export type WireBreak = Static<typeof WireBreak>

export const BreakQuery = Type.Object(
  {
    reconciliation: Type.Optional(ReconciliationId),
    state: Type.Optional(Type.Enum(['open', 'resolved'])),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(BreakId),
  },
  closed,
)
export const WireBreaks = Type.Object({ items: Type.Array(WireBreak), next: Next }, closed)

export const Assignment = Type.Object({ owner: line(100) }, closed)
export const Proposal = Type.Object({ resolution: Resolution, reason: line(500) }, closed)
/** `version`: of the break as the proposal left it. */
export const Approval = Type.Object({ version: Type.Integer({ minimum: 1, maximum: 1_000_000 }) }, closed)

export const WireFile = Type.Object(
  {
    id: Type.String(),
    currency: Currency,
    digest: Type.String(),
    state: Type.Enum(['pending', 'answered', 'refused']),
    payouts: Type.Array(Type.String()),
    xml: Type.String({ description: 'the pain.001 as it was sent' }),
    createdAt: Time,
    version: Type.Integer({ minimum: 1 }),
  },
  closed,
)

export const PositionQuery = Type.Object(
  {
    currency: Currency,
    cutOff: Time,
    limit: Type.Optional(Limit),
    cursor: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{1,80}\\.[A-Za-z0-9_-]{0,80}$' })),
  },
  closed,
)
export const WirePositions = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          party: Type.String(),
          counterparty: Type.Union([Type.String(), Type.Null()]),
          in: MoneyShape,
          out: MoneyShape,
          net: MoneyShape,
        },
        closed,
      ),
    ),
    next: Next,
  },
  closed,
)

export const WireClearing = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          currency: Currency,
          inTransit: MoneyShape,
          payouts: Count,
          oldestAt: TimeOrNull,
          zeroBy: TimeOrNull,
          overdue: Type.Boolean(),
        },
        closed,
      ),
    ),
    next: Next,
  },
  closed,
)
