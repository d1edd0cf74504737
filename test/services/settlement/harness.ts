import { setTimeout as sleep } from 'node:timers/promises'
import { type Instant, manualClock } from '../../../src/kernel/clock.ts'
import { type Money, toWire } from '../../../src/kernel/money.ts'
import type { Database, DatabaseServer } from '../../../src/platform/database.ts'
import { createDoor } from '../../../src/platform/door.ts'
import { createLog } from '../../../src/platform/log.ts'
import { createOutbox, outboxMigrations } from '../../../src/platform/outbox.ts'
import {
  type Bank,
  createSettlement,
  type Ledger,
  settlementMigrations,
} from '../../../src/services/settlement/index.ts'
import type { SettlementConfig } from '../../../src/services/settlement/options.ts'
import { asOperator, type Claims, createCaller, testPassportKeys } from '../../support/caller.ts'

const NOON = Date.parse('2026-03-01T12:00:00Z') as Instant
const WAIT_MS_MAX = 20_000

/** A bank for tests that have none: it must not be asked. */
const noBank: Bank = { send: () => Promise.resolve({ kind: 'unknown', detail: 'there is no bank here' }) }

export type Posting = {
  readonly from: string
  readonly to: string
  readonly amount: Money
  readonly fee?: Money
  readonly kind?: string
  /** Onto this account; else onto the member's one. */
  readonly onto?: string
}

/** Settlement at work: on a real store, with a feed from a real outbox, its door reached over a socket. */
export async function startHarness(
  server: DatabaseServer,
  bank: Bank = noBank,
  options: {
    readonly config?: SettlementConfig
    readonly empty?: ReadonlySet<string>
    readonly frozen?: ReadonlySet<string>
    /** Whether nothing of cash flow's feed comes. */
    readonly isAway?: () => boolean
  } = {},
) {
  const clock = manualClock(NOON)
  const told = ledgerThatTells(options.empty ?? new Set())
  const passports = testPassportKeys()
  const log = createLog('silent')
  const cashFlow = createOutbox(await server.open('cash-flow', [outboxMigrations]), clock)
  const database = await server.open('settlement', settlementMigrations)
  const settlement = createSettlement({
    database,
    clock,
    log,
    cashFlowEvents: async (after, signal) => {
      const events = await cashFlow.read(after, 100, 1_000, signal)
      if (!options.isAway?.()) return events
      await sleep(20)
      return []
    },
    cashFlowNow: (after, signal) => cashFlow.read(after, 100, 0, signal),
    bank,
    ledger: told.ledger,
    members: { statusOf: async (member) => (options.frozen?.has(member) ? 'frozen' : 'active') },
    config: options.config,
  })
  const app = createDoor({ service: 'settlement', routes: settlement.routes, passports, clock, log })
  const call = createCaller(app, 'settlement', passports, clock)
  settlement.start()
  let posted = 0

  return {
    told: told.calls,
    app,
    clock,
    call,
    passports,
    database,
    close: () => settlement.close(),

    /** Posts transfers in one transaction of cash flow; done when settlement has taken them in. */
    async post(...postings: readonly Posting[]) {
      await cashFlow.transaction(async (_sql, emit) => {
        for (const { from, to, amount, fee, kind = 'transfer', onto = accountOf(to) } of postings) {
          posted += 1
          const transfer = `trf_${posted}`
          const ends = {
            from: accountOf(from),
            to: onto,
            fromMember: from,
            toMember: to,
          }
          const cost = fee === undefined ? {} : { fee: toWire(fee) }
          const data = { transfer, ...ends, amount: toWire(amount), ...cost, kind, reference: 'x' }
          emit({ type: 'transfer.posted', subject: transfer, members: [from, to], data })
        }
      })
      await until(async () => (await offset(database)) >= BigInt(posted))
    },

    /** Once so many transfers are in cash flow's feed, taken in or not. */
    hasPosted: (count: number) => until(async () => (await cashFlow.read(0n, 100, 0)).length >= count),
    callXml: (target: string, claims: Claims, xml: Uint8Array) => call('POST', target, claims, { xml }),
    closeBatch: (member: string, cutOff: string, currency = 'CNY') =>
      call('POST', '/v1/settlement-batches', asOperator, { body: { member, currency, cutOff } }),
    readBatch: (id: string) => call('GET', `/v1/settlement-batches/${id}`, asOperator),
  }
}

/** The account of these tests' members, where nothing else is said. */
export function accountOf(member: string): string {
  return member.replace('mem_', 'acc_')
}

/** Takes everything, and says what it was asked: cash flow itself is in the journeys. */
function ledgerThatTells(empty: ReadonlySet<string>): { readonly ledger: Ledger; readonly calls: string[] } {
  const calls: string[] = []
  const tell = async (...words: readonly string[]): Promise<void> => void calls.push(words.join(' '))
  const ledger: Ledger = {
    async withdraw(key, _member, account, amount) {
      if (empty.has(account)) return { kind: 'refused', detail: 'it does not hold as much' }
      await tell('withdraw', key, account, toWire(amount).value)
      return { kind: 'withdrawn', withdrawal: key.replace('pay_', 'wdr_') }
    },
    confirm: (key, withdrawal) => tell('confirm', key, withdrawal),
    giveBack: (key, withdrawal) => tell('giveBack', key, withdrawal),
    deposit: (key, account, amount) => tell('deposit', key, account, toWire(amount).value),
  }
  return { ledger, calls }
}

export type Harness = Awaited<ReturnType<typeof startHarness>>

/** Waits until it is so. @throws Error when it is not in time */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS_MAX
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not so within ${WAIT_MS_MAX} ms`)
    await sleep(20)
  }
}

/** `seconds` after noon, RFC 3339. */
export const at = (seconds: number): string => new Date(NOON + seconds * 1000).toISOString()

async function offset(database: Database): Promise<bigint> {
  const [row] = await database.transaction((sql) => sql.query<{ seq: bigint }>('SELECT seq FROM feed_offset'))
  return row?.seq ?? 0n
}
