/**
 * Cash flow as a process of its own, on a journal in three stores, which kills or stops itself at a point that it is told.
 * DATABASE is a PostgreSQL URL; STORES are URLs of databases, or folders that this process has for itself. Orders and reports
 * are messages.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../src/kernel/clock.ts'
import { money } from '../../../src/kernel/money.ts'
import { createDoor } from '../../../src/platform/door.ts'
import { openStore } from '../../../src/platform/journal/open-stores.ts'
import type { JournalStore } from '../../../src/platform/journal/store.ts'
import { createLog } from '../../../src/platform/log.ts'
import { openPostgres } from '../../../src/platform/postgres.ts'
import { cashFlowMigrations, createCashFlow } from '../../../src/services/cash-flow/index.ts'
import type { Points } from '../../../src/services/cash-flow/points.ts'
import { alice, fromAlice, key } from '../../services/cash-flow/cash-flow.ts'
import { assertSound } from '../../services/cash-flow/invariants.ts'
import { asOperator, createCaller, testPassportKeys } from '../../support/caller.ts'
import { saidStandings } from '../../support/standings.ts'
import type { CrashPoint, Signal } from './points.ts'

export type Order =
  /** At which point it is to strike itself, under a transfer with this key; null: nowhere. */
  | { readonly kind: 'arm'; readonly at: { readonly point: CrashPoint; readonly signal: Signal; key: string } | null }
  | { readonly kind: 'move'; readonly key: string }
  | { readonly kind: 'look' }
  | { readonly kind: 'judge' }
export type Answers = {
  readonly arm: 'armed'
  readonly move: { readonly status: number; readonly transfer: string | null; readonly isRepeated: boolean }
  /** The epoch under which it serves; null: it does not. */
  readonly look: { readonly epoch: number | null }
  /** What Alice has, and what is wrong with each store. */
  readonly judge: { readonly posted: string; readonly stores: readonly (string | null)[] }
}
export type Report =
  | { readonly kind: 'struck' }
  | { readonly kind: 'answer'; readonly to: number; readonly answer: Answers[Order['kind']] }

const { DATABASE = '', STORES = '' } = process.env
/** Four of them without a beat, and the other one takes the lead. */
const LOOK_MS = 150
let armed: Extract<Order, { kind: 'arm' }>['at'] = null

const report = (what: Report): void => void process.send?.(what)

function strike(point: CrashPoint): void {
  if (armed?.point !== point) return
  const { signal } = armed
  armed = null
  report({ kind: 'struck' })
  process.kill(process.pid, signal)
}

const points: Points = (point) => {
  if (point === 'work listed' || point === 'decision kept') return
  strike(point)
  // By the next turn it is on its way to the database.
  if (point === 'batch decided') setImmediate(() => strike('batch sent'))
}

const log = createLog('silent')
/** Which stores have the batch under way. */
const having = { key: '', stores: new Set<number>() }
const opened = STORES.split(' ').map((at) => {
  return openStore(
    at.startsWith('postgresql:') ? { kind: 'postgres', url: at, schema: 'journal' } : { kind: 'files', folder: at },
    log,
  )
})
const counted = opened.map((store, nth): JournalStore => {
  return {
    ...store,
    async append(request) {
      const answer = await store.append(request)
      const key = armed?.key
      if (key === undefined || answer.kind !== 'stored' || !request.records.some(({ body }) => body.includes(key)))
        return answer
      if (having.key !== key) Object.assign(having, { key, stores: new Set() })
      having.stores.add(nth)
      if (having.stores.size <= 2) strike(having.stores.size === 1 ? 'stored 1' : 'stored 2')
      return answer
    },
  }
})

const server = openPostgres(
  () => DATABASE,
  () => {},
)
const database = await server.open('cash-flow', cashFlowMigrations)
const alone = !STORES.startsWith('postgresql:')
const cashFlow = createCashFlow({
  ...{ database, clock: systemClock, log, points },
  journal: { stores: counted.map((store, at) => ({ name: `${at}`, store })), writes: 2, alone, lookMs: LOOK_MS },
  members: { exists: async () => true },
  standings: saidStandings(),
  products: { find: async () => ({ currency: 'CNY', version: 1, fee: { kind: 'none' } }) },
  async riskEvents(_after, signal) {
    await sleep(10_000, null, { signal }).catch(() => null)
    return []
  },
})
const keys = testPassportKeys()
const call = createCaller(
  createDoor({ service: 'cash-flow', routes: cashFlow.routes, passports: keys, clock: systemClock, log }),
  'cash-flow',
  keys,
)

process.on('message', async ({ to, order }: { to: number; order: Order }) => {
  report({ kind: 'answer', to, answer: await answerTo(order) })
})
process.on('disconnect', () => process.exit()) // whoever started it is gone

async function answerTo(order: Order): Promise<Answers[Order['kind']]> {
  switch (order.kind) {
    case 'arm':
      armed = order.at
      return 'armed'
    case 'move': {
      const request = { body: fromAlice('0.01'), headers: key(order.key) }
      const { status, body, headers } = await call('POST', '/v1/transfers', alice, request)
      return { status, transfer: body.id ?? null, isRepeated: headers['idempotency-replayed'] === 'true' }
    }
    case 'look': {
      const { body } = await call('GET', '/v1/ledger/journal', asOperator)
      return { epoch: cashFlow.isServing() ? (body.epoch ?? null) : null }
    }
    case 'judge':
      return judge()
  }
}

/** After all tables were found to be sound. */
async function judge(): Promise<Answers['judge']> {
  await assertSound(database)
  const { balance } = (await call('GET', '/v1/accounts/acc_alice', alice)).body
  await call('POST', '/v1/ledger/journal/scrub', asOperator)
  for (;;) {
    const { stores } = (await call('GET', '/v1/ledger/journal', asOperator)).body
    const scrubbed = stores.map(
      (store: { scrubbed: { isOver: boolean; fault: string | null } | null }) => store.scrubbed,
    )
    if (scrubbed.every((each: { isOver: boolean } | null) => each?.isOver === true)) {
      const faults = scrubbed.map(({ fault }: { fault: string | null }) => fault)
      return { posted: balance.posted.value, stores: faults }
    }
    await sleep(10)
  }
}

await cashFlow.begin(async () => {
  for (const name of ['alice', 'bob']) {
    const account = { id: `acc_${name}`, member: `mem_${name}`, product: 'prd_basic', currency: 'CNY' } as const
    // Not when it is there: to look for it takes no shard.
    if (!(await isThere(account.id))) await cashFlow.seedAccount(account, money('CNY', 100_000n))
  }
})

async function isThere(account: string): Promise<boolean> {
  const rows = await database.transaction((sql) =>
    sql.query('SELECT FROM balance WHERE account = $1 AND version > 0', [account]),
  )
  return rows.length > 0
}
