import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Balance, CreditLine, Entry, Exchange, Transfer } from '../model.ts'
import type { NewOperation, NewResolution, NewState, StoredAnswer, Writes } from '../writes.ts'
import type { Readings } from './columns.ts'

/*
 * What the columns of each table have of what was decided. They are read column by column: a batch has thousands of values,
 * and each is made into text once.
 */

export const TRANSFER: Readings<'transfer', Transfer> = {
  id: ({ id }) => id,
  kind: ({ kind }) => kind,
  debit: ({ from }) => from,
  credit: ({ to }) => to,
  currency: ({ amount }) => amount.currency,
  amount: ({ amount }) => amount.minor,
  reference: ({ reference }) => reference,
  maker: ({ maker }) => maker,
  operation: ({ operation }) => operation,
  assessment: ({ assessment }) => assessment,
  receipt: ({ receipt }) => receipt,
  held_by: ({ hold }) => hold?.by ?? null,
  expires_at: ({ hold }) => timeOf(hold?.expiresAt ?? null),
  reverses: ({ reverses }) => reverses,
  key: ({ request }) => request?.key ?? null,
  request_digest: ({ request }) => request?.digest ?? null,
  part_of: ({ partOf }) => partOf,
  legs: ({ legs }) => (legs.length === 0 ? null : legs.length),
  effective_at: ({ effectiveAt }) => timeOf(effectiveAt),
  fee: ({ fee }) => fee?.amount.minor ?? null,
  fee_product: ({ fee }) => fee?.product ?? null,
  fee_version: ({ fee }) => fee?.version ?? null,
  product_version: ({ judgedBy }) => judgedBy?.version ?? null,
}

export const ENTRY: Readings<'entry', Entry> = {
  account: ({ account }) => account,
  version: ({ version }) => version,
  id: ({ id }) => id,
  transfer: ({ transfer }) => transfer,
  phase: ({ phase }) => phase,
  direction: ({ direction }) => direction,
  amount: ({ amount }) => amount,
  posted: ({ posted }) => posted,
  pending: ({ pending }) => pending,
  shard: ({ shard }) => shard,
  effective_at: ({ effectiveAt }) => timeOf(effectiveAt),
}

export const HOLD_RESOLUTION: Readings<'hold_resolution', NewResolution> = {
  hold: ({ hold }) => hold,
  outcome: ({ outcome }) => outcome,
  captured: ({ captured }) => captured,
  resolved_by: ({ by }) => by,
}

export const REVERSAL: Readings<'reversal', Writes['reversals'][number]> = {
  original: ({ original }) => original,
  transfer: ({ transfer }) => transfer,
}

export const WITHDRAWAL_END: Readings<'withdrawal_end', Writes['withdrawalEnds'][number]> = {
  withdrawal: ({ withdrawal }) => withdrawal,
  transfer: ({ transfer }) => transfer,
  outcome: ({ outcome }) => outcome,
}

export const ARRIVAL: Readings<'arrival', string> = { transfer: (transfer) => transfer }

export const CREDIT_LINE: Readings<'credit_line', CreditLine> = {
  account: ({ account }) => account,
  version: ({ version }) => version,
  amount: ({ amount }) => amount.minor,
  reason: ({ reason }) => reason,
  set_by: ({ setBy }) => setBy,
  after_version: ({ afterVersion }) => afterVersion,
}

export const EXCHANGE: Readings<'exchange', Exchange> = {
  id: ({ id }) => id,
  paid: ({ transfers }) => transfers.paid,
  received: ({ transfers }) => transfers.received,
  rounding: ({ transfers }) => transfers.rounding,
  rate: ({ rate }) => rate,
  rate_version: ({ rateVersion }) => rateVersion,
}

export const OPERATION: Readings<'operation', NewOperation> = {
  id: ({ id }) => id,
  owner: ({ request }) => request.owner,
  key: ({ request }) => request.key,
  member: ({ member }) => member,
  transfer: ({ transfer }) => transfer,
}

export const OPERATION_STATE: Readings<'operation_state', NewState> = {
  operation: ({ operation }) => operation,
  version: ({ version }) => version,
  state: ({ state }) => state,
  reason: ({ reason }) => reason,
}

export const ANSWER: Readings<'answer', StoredAnswer> = {
  owner: ({ request }) => request.owner,
  key: ({ request }) => request.key,
  request_digest: ({ request }) => request.digest,
  answer: ({ answer }) => answer,
}

export const BALANCE: Readings<'balance', readonly [account: string, Balance]> = {
  account: ([account]) => account,
  version: ([, { version }]) => version,
  posted: ([, { posted }]) => posted,
  pending: ([, { pending }]) => pending,
  day_from: ([, { spent }]) => timeOf(spent?.day.from ?? null),
  day_spent: ([, { spent }]) => spent?.day.minor ?? null,
  month_from: ([, { spent }]) => timeOf(spent?.month.from ?? null),
  month_spent: ([, { spent }]) => spent?.month.minor ?? null,
}

function timeOf(instant: Instant | null): string | null {
  return instant === null ? null : toRfc3339(instant)
}
