import { Type } from 'typebox'
import { assert } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import { parseMoney } from '../../kernel/money.ts'
import { transferIdBeside } from '../../kernel/operation-id.ts'
import type { Sql } from '../../platform/database.ts'
import type { Event } from '../../platform/outbox.ts'
import { checkOf } from '../../platform/schema.ts'
import { MoneyShape } from '../../platform/wire.ts'
import { nullable } from './case-schema.ts'
import { countMoved, countRefused, countTakenBack, type Moved } from './counted-transfers.ts'

const checkPosted = checkOf(
  Type.Object({
    transfer: Type.String(),
    partOf: Type.Optional(Type.String()),
    to: Type.String(),
    fromMember: nullable(Type.String()),
    amount: MoneyShape,
    reverses: Type.Optional(Type.String()),
  }),
)
const checkVoided = checkOf(Type.Object({ transfer: Type.String() }))
const checkFailed = checkOf(Type.Object({ operation: Type.String() }))

/**
 * What cash flow's log says of transfers, as velocity counts them; in the transaction that takes the events. In which order
 * they come makes no difference.
 */
export async function countTold(sql: Sql, events: readonly Event[]): Promise<void> {
  const moved: Moved[] = []
  const refused = new Set<string>()
  const takenBack = new Map<string, Instant>()
  for (const event of events) {
    const { data, id } = event
    switch (event.type) {
      case 'transfer.posted': {
        const posted = checkPosted(data)
        assert(posted.ok, `the event ${id} says what has moved`)
        const { reverses } = posted.value
        // What comes back is no payment of whoever gives it back, and no less was moved before.
        if (reverses === undefined) moved.push(...movedBy(event, posted.value))
        else takenBack.set(reverses, event.at as Instant)
        break
      }
      case 'transfer.voided': {
        const voided = checkVoided(data)
        assert(voided.ok, `the event ${id} names its transfer`)
        refused.add(voided.value.transfer)
        break
      }
      case 'operation.failed': {
        const failed = checkFailed(data)
        assert(failed.ok, `the event ${id} names its operation`)
        refused.add(transferIdBeside(failed.value.operation))
      }
    }
  }
  await countMoved(sql, moved)
  await countRefused(sql, [...refused])
  await countTakenBack(sql, takenBack)
}

type Posted = Extract<ReturnType<typeof checkPosted>, { readonly ok: true }>['value']

/** Nothing, where it was nobody's money. */
function movedBy(event: Event, { transfer, partOf, to: payee, fromMember, ...posted }: Posted): readonly Moved[] {
  const amount = parseMoney(posted.amount)
  assert(typeof amount === 'object', `the event ${event.id} has an amount`)
  return fromMember === null
    ? []
    : [{ transfer, partOf: partOf ?? null, payer: fromMember, payee, amount, at: event.at as Instant }]
}
