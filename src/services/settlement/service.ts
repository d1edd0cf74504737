import { assert } from '../../kernel/assert.ts'
import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import { CURRENCIES, type Currency, type Money, toWire } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import type { Event, Outbox } from '../../platform/outbox.ts'
import { checkOf } from '../../platform/schema.ts'
import { openBreaksOf } from './break-store.ts'
import {
  type Batch,
  type Closing,
  type CutOffVerdict,
  judgeCutOff,
  linesOf,
  netOf,
  sharesOf,
  sharesOfOne,
} from './model.ts'
import { insertPayouts } from './payout-store.ts'
import { type InTransit, inTransit, type NetPosition, positionsAt } from './positions.ts'
import { PostedTransfer } from './schema.ts'
import {
  findBatch,
  findBatchAt,
  insertBatch,
  insertLines,
  lastCutOff,
  listBatches,
  lockParty,
  reachOf,
} from './store.ts'

export type CloseOutcome =
  | { readonly kind: 'closed'; readonly batch: Batch }
  /** The batch was closed at this very cut-off before. */
  | { readonly kind: 'repeated'; readonly batch: Batch }
  /** It was closed at this very cut-off before, and is paid from other accounts than the one that is named now. */
  | { readonly kind: 'other_account'; readonly batch: Batch }
  | Exclude<CutOffVerdict, { kind: 'acceptable' }>

export interface SettlementService {
  /** Takes in events of cash flow, in the transaction that moves the feed's offset. */
  record(events: readonly Event[], sql: Sql): Promise<void>
  /** Closes a batch, once: the same member, currency and cut-off name the same batch, however often and at once. */
  close(closing: Closing): Promise<CloseOutcome>
  read(id: string): Promise<Batch | null>
  /** Newest first, of one member or of all; below the id `before`. */
  list(member: string | null, before: string | null, limit: number): Promise<readonly Batch[]>
  /** What each party is to have from each other one at a cut-off; null where nothing was closed then. */
  positions(
    currency: Currency,
    cutOff: Instant,
    after: readonly [string, string] | null,
    limit: number,
  ): Promise<readonly NetPosition[] | null>
  inTransit(): Promise<readonly InTransit[]>
  /** The currencies in which breaks are open for more than may be while their batches are closed. */
  heldUp(): Promise<readonly Currency[]>
}

const checkPosted = checkOf(PostedTransfer)

/** `breaksMax`: what the open breaks of a currency may come to while its batches are closed. */
export function createService(
  outbox: Outbox,
  clock: Clock,
  breaksMax: (currency: Currency) => Money,
): SettlementService {
  return {
    async record(events, sql) {
      const told = events.filter(({ type }) => type === 'transfer.posted').flatMap(linesToldBy)
      if (told.length > 0) await insertLines(sql, told)
    },

    close: (closing) =>
      outbox.transaction(async (sql, emit) => {
        await lockParty(sql, closing)
        const earlier = await findBatchAt(sql, closing)
        if (earlier !== null)
          return { kind: isPaidFrom(earlier, closing) ? 'repeated' : 'other_account', batch: earlier }
        const now = clock.now()
        const verdict = judgeCutOff(closing.cutOff, now, await lastCutOff(sql, closing))
        if (verdict.kind !== 'acceptable') return verdict
        const { currency } = closing
        const open = { currency, minor: await openBreaksOf(sql, currency) }
        const most = breaksMax(currency)
        if (open.minor > most.minor) return { kind: 'held_up', open, most }
        const batch = await write(sql, closing, now)
        emit({ type: 'settlement.closed', subject: batch.id, members: [batch.member], data: closedEvent(batch) })
        return { kind: 'closed', batch }
      }),

    read: (id) => outbox.transaction((sql) => findBatch(sql, id)),
    list: (member, before, limit) => outbox.transaction((sql) => listBatches(sql, member, before, limit)),
    positions: (currency, cutOff, after, limit) =>
      outbox.transaction((sql) => positionsAt(sql, currency, cutOff, after, limit)),
    inTransit: () => outbox.transaction(inTransit),
    heldUp: () =>
      outbox.transaction(async (sql) => {
        const found: Currency[] = []
        for (const currency of CURRENCIES) {
          if ((await openBreaksOf(sql, currency)) > breaksMax(currency).minor) found.push(currency)
        }
        return found
      }),
  }
}

function linesToldBy({ id, seq, at, data }: Event) {
  const posted = checkPosted(data)
  assert(posted.ok, `event ${id} has the shape of a posted transfer`)
  return linesOf(posted.value).map((line) => ({ seq, postedAt: at as Instant, line }))
}

/** The batch with its lines, and the payouts that it comes to. */
async function write(sql: Sql, closing: Closing, now: Instant): Promise<Batch> {
  const id = newId('settlementBatch', now)
  const came = await insertBatch(sql, id, closing, await reachOf(sql, closing.cutOff), now)
  const batch = await readWritten(sql, id)
  const { minor: net } = netOf(batch)
  if (net <= 0n) return batch
  const { account } = closing
  const shares = account === undefined ? sharesOf(net, came) : sharesOfOne(net, account, came)
  await insertPayouts(sql, batch, shares, now)
  return readWritten(sql, id)
}

/** Whether it is paid from no other account than the closing names, if it names one. */
function isPaidFrom({ payouts }: Batch, { account }: Closing): boolean {
  return account === undefined || payouts.every((payout) => payout.account === account)
}

async function readWritten(sql: Sql, id: string): Promise<Batch> {
  const batch = await findBatch(sql, id)
  assert(batch !== null, 'a batch that was written is there')
  return batch
}

function closedEvent(batch: Batch) {
  const { id, member, currency, cutOff, lines } = batch
  return { batch: id, member, currency, cutOff: toRfc3339(cutOff), lines, net: toWire(netOf(batch)) }
}
