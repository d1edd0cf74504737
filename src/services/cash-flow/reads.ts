import { isId } from '../../kernel/id.ts'
import { transferIdOf } from '../../kernel/operation-id.ts'
import { Problem } from '../../kernel/problem.ts'
import { versionChoiceOf } from '../../platform/as-of.ts'
import type { Sql } from '../../platform/database.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { limitOf, type Page, pageOf } from '../../platform/page.ts'
import { type Actor, owns } from './commands.ts'
import { isVisible } from './decide.ts'
import { notFound, unknownOperation } from './errors.ts'
import { type CreditLine, type Exchange, isFinal, type Operation, type Transfer } from './model.ts'
import { balanceAsOf, effectiveBalance, entriesOf } from './online.ts'
import type { OperationWatch } from './operation-watch.ts'
import { accountOnWire, entryOnWire } from './presenters.ts'
import { timeOf } from './requests.ts'
import {
  type EntryRange,
  listCreditLines,
  listInTransit,
  readAccount,
  readExchange,
  readOperation,
  readTransfer,
  readTransfers,
  type SeenTransfer,
} from './store.ts'

export type VersionsAsked = { readonly limit?: string; readonly cursor?: string }

export type EntriesAsked = VersionsAsked & {
  readonly from?: string
  readonly to?: string
}

/** What can be asked of the ledger, each by who may know it: another member's is not there. */
export function createReads({ transaction, watch }: Pick<Outbox, 'transaction'> & { readonly watch: OperationWatch }) {
  const openAccount = async (id: string, by: Actor) => {
    const found = await transaction((sql) => readAccount(sql, id))
    if (found === null || (by.kind === 'member' && found.account.member !== by.id)) throw notFound('account')
    return found
  }

  const operation = async (id: string, by: Actor): Promise<Operation> => {
    const found = await transaction((sql) => readOperation(sql, id))
    if (found === null || !owns(by, found.member)) throw unknownOperation()
    return found
  }

  return {
    /**
     * The account with its balances now, or as they were at a time or a version (`asOf`); of what was known by then, what was
     * effective at a time (`effectiveAt`). @throws Problem `not_found`, `month_detached`
     */
    async account(
      id: string,
      by: Actor,
      { asOf, effectiveAt }: { readonly asOf?: string; readonly effectiveAt?: string },
    ) {
      const choice = versionChoiceOf(asOf)
      const effective = timeOf(effectiveAt, 'query/effectiveAt')
      const found = await openAccount(id, by)
      const balance = await transaction((sql) =>
        effective === null ? balanceAsOf(sql, found, choice) : effectiveBalance(sql, found, choice, effective),
      )
      if (balance === null) throw notFound('version of this account')
      return accountOnWire(found.account, balance)
    },

    /** Entries newest first; `from` is included, `to` is not. @throws Problem `not_found`, `validation_failed`, `month_detached` */
    async entries(id: string, by: Actor, asked: EntriesAsked): Promise<Page<ReturnType<typeof entryOnWire>>> {
      const found = await openAccount(id, by)
      const range = rangeOf(asked)
      const { entries, more } = await transaction((sql) => entriesOf(sql, found, range, limitOf(asked.limit)))
      const last = entries.at(-1)
      const items = entries.map((entry) => entryOnWire(entry, found.account.currency))
      return { items, next: more && last !== undefined ? cursorOf(last) : null }
    },

    /** The credit lines that an account has had, newest first. @throws Problem `not_found`, `validation_failed` */
    async creditLines(id: string, by: Actor, asked: VersionsAsked): Promise<Page<CreditLine>> {
      const { account } = await openAccount(id, by)
      const limit = limitOf(asked.limit)
      const below = asked.cursor === undefined ? null : versionOf(asked.cursor)
      const lines = await transaction((sql) => listCreditLines(sql, account, below, limit + 1))
      return pageOf(lines, limit, cursorOf, (line) => line)
    },

    /** An exchange, to its member and to whoever is no member. @throws Problem `not_found` */
    async exchange(id: string, by: Actor): Promise<Exchange> {
      const found = await transaction((sql) => readExchange(sql, id))
      if (found === null || !owns(by, found.member ?? '')) throw notFound('exchange')
      return found.exchange
    },

    /** A withdrawal, to its account's member and to whoever is no member. @throws Problem `not_found` */
    async withdrawal(id: string, by: Actor): Promise<Transfer> {
      const found = await transaction((sql) => readTransfer(sql, id))
      const isOwn = by.kind !== 'member' || by.id === found?.ends.fromMember
      if (found?.transfer.kind !== 'withdrawal' || !isOwn) throw notFound('withdrawal')
      return found.transfer
    },

    /** The withdrawals that have not ended, oldest first. @throws Problem `validation_failed` */
    async withdrawalsInTransit(asked: VersionsAsked): Promise<Page<Transfer>> {
      const limit = limitOf(asked.limit)
      const after = asked.cursor === undefined ? null : withdrawalOf(asked.cursor)
      const found = await transaction((sql) => listInTransit(sql, after, limit + 1))
      return pageOf(
        found,
        limit,
        ({ id }) => Buffer.from(id).toString('base64url'),
        (withdrawal) => withdrawal,
      )
    },

    async transfer(id: string, by: Actor): Promise<WithLegs> {
      const found = await transaction((sql) => readWithLegs(sql, id))
      if (!isShown(found, by)) throw notFound('transfer')
      return found
    },

    /** The transfer that was asked for under this key of the caller's; null when none was made. */
    async transferOfKey(by: Actor, key: string): Promise<WithLegs | null> {
      const found = await transaction((sql) => readWithLegs(sql, transferIdOf(by.id, key)))
      return isShown(found, by) ? found : null
    },

    operation,

    /** Whether there is such an operation, whoever's it is. */
    isOperation: async (id: string): Promise<boolean> => (await transaction((sql) => readOperation(sql, id))) !== null,

    /** The operation once it is no longer as it is now; as it is when it is final, or when the wait is over. */
    async changedOperation(id: string, by: Actor, waitMs: number, signal: AbortSignal): Promise<Operation> {
      const now = await operation(id, by)
      if (waitMs === 0 || isFinal(now.state)) return now
      const wait = AbortSignal.any([signal, AbortSignal.timeout(waitMs)])
      for await (const next of watch.follow(id, now.version, wait)) return next
      return now
    },

    /** Each state after a version, for whoever may read the operation. */
    follow: watch.follow,
  }
}

export type Reads = ReturnType<typeof createReads>

type WithLegs = SeenTransfer & { readonly legs: readonly Transfer[] }

async function readWithLegs(sql: Sql, id: string): Promise<WithLegs | null> {
  const found = await readTransfer(sql, id)
  if (found === null) return null
  const { legs: ids } = found.transfer
  const read = ids.length === 0 ? [] : await readTransfers(sql, ids)
  const legs = new Map(read.map(({ transfer }) => [transfer.id, transfer]))
  return { ...found, legs: ids.flatMap((leg) => legs.get(leg) ?? []) }
}

function isShown<Found extends SeenTransfer>(found: Found | null, by: Actor): found is Found {
  if (found === null || found.transfer.kind === 'deposit' || found.transfer.kind === 'withdrawal') return false
  return by.kind !== 'member' || isVisible(found.transfer, found.ends, by.id)
}

function cursorOf({ version }: { readonly version: number }): string {
  return Buffer.from(`v${version}`).toString('base64url')
}

function withdrawalOf(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString('latin1')
  if (!isId('withdrawal', id)) throw notOurs()
  return id
}

function rangeOf({ cursor, from, to }: EntriesAsked): EntryRange {
  return {
    below: cursor === undefined ? null : versionOf(cursor),
    from: timeOf(from, 'query/from'),
    to: timeOf(to, 'query/to'),
  }
}

/** The version that a cursor of ours stands for. @throws Problem `validation_failed` */
export function versionOf(cursor: string): number {
  const version = /^v(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1]
  if (version === undefined) throw notOurs()
  return Number(version)
}

function notOurs(): Problem {
  return new Problem('validation_failed', { detail: 'query/cursor: is not one we gave' })
}
