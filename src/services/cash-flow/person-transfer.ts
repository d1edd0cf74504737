import { toRfc3339 } from '../../kernel/clock.ts'
import { money, toWire } from '../../kernel/money.ts'
import type { PersonAsked } from '../../platform/person.ts'
import { stateOf, type Transfer } from './model.ts'
import { feeOnWire } from './presenters.ts'
import type { RateTaken, SeenTransfer } from './store.ts'

/** What a person is told of a transfer on an account of theirs: of one that they paid more than of one that came to them. */
export function personTransfer(
  { transfer, ends }: SeenTransfer,
  { member, audience }: Pick<PersonAsked, 'member' | 'audience'>,
  rates: ReadonlyMap<string, RateTaken>,
) {
  const { id, kind, from, to, amount, reference, createdAt, effectiveAt, reverses, reversedBy, partOf, end } = transfer
  const exchange = partOf === null ? undefined : rates.get(partOf)
  const isPaid = ends.fromMember === member || audience === 'operator'
  return {
    ...{ id, kind, from, to, amount: toWire(amount), reference },
    state: kind === 'withdrawal' ? (end?.outcome ?? 'pending') : stateOf(transfer),
    createdAt: toRfc3339(createdAt),
    ...given('effectiveAt', effectiveAt === null ? null : toRfc3339(effectiveAt)),
    ...given('reverses', reverses),
    ...given('reversedBy', reversedBy),
    ...given('partOf', partOf),
    ...(exchange === undefined ? {} : { exchange }),
    ...(isPaid ? { paid: paidOf(transfer, member, audience) } : {}),
  }
}

function paidOf(transfer: Transfer, member: string, audience: PersonAsked['audience']) {
  const { maker, operation, receipt, assessment, judgedBy, hold, resolution, request, amount } = transfer
  const madeBy = maker === member ? 'member' : audience === 'operator' ? maker : 'operator'
  return {
    madeBy,
    ...given('idempotencyKey', request?.owner === member ? request.key : null),
    ...given('operation', operation),
    ...given('receipt', receipt),
    ...(audience === 'operator' ? given('assessment', assessment) : {}),
    ...feeOnWire(transfer),
    ...(judgedBy === null ? {} : { judgedBy }),
    ...(hold === null
      ? {}
      : {
          hold: {
            by: hold.by,
            expiresAt: toRfc3339(hold.expiresAt),
            ...given('outcome', resolution?.outcome ?? null),
            ...(resolution?.outcome === 'captured'
              ? { captured: toWire(money(amount.currency, resolution.captured)) }
              : {}),
          },
        }),
  }
}

function given<Name extends string>(name: Name, value: string | null): { readonly [key in Name]?: string } {
  return value === null ? {} : ({ [name]: value } as { readonly [key in Name]: string })
}
