import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Express } from 'express'
import { type Instant, manualClock, systemClock } from '../../../src/kernel/clock.ts'
import { newId } from '../../../src/kernel/id.ts'
import { money, type WireMoney } from '../../../src/kernel/money.ts'
import { Problem } from '../../../src/kernel/problem.ts'
import type { Database, DatabaseServer } from '../../../src/platform/database.ts'
import { createDoor } from '../../../src/platform/door.ts'
import { createLog } from '../../../src/platform/log.ts'
import type { Event } from '../../../src/platform/outbox.ts'
import type { PassportKeys } from '../../../src/platform/passport.ts'
import type { FeeFormula } from '../../../src/services/cash-flow/fee-formula.ts'
import {
  type CashFlow,
  type CashFlowDeps,
  cashFlowMigrations,
  createCashFlow,
  type ProductTerms,
} from '../../../src/services/cash-flow/index.ts'
import type { MailboxLimits } from '../../../src/services/cash-flow/mailbox.ts'
import { asMember, asOperator, type Claims, createCaller, testPassportKeys } from '../../support/caller.ts'
import { saidStandings } from '../../support/standings.ts'

export const alice = asMember('mem_alice')
export const bob = asMember('mem_bob')
export const carol = asMember('mem_carol')

/** How long a product's version is remembered without asking again. */
const ASKED_EVERY_MS = 1_000

const PRODUCTS: Readonly<Record<string, ProductTerms>> = {
  prd_basic: { currency: 'CNY', version: 1, fee: { kind: 'none' } },
  prd_dollar: { currency: 'USD', version: 1, fee: { kind: 'none' } },
}

export type CashFlowUnderTest = {
  readonly cashFlow: CashFlow
  readonly database: Database
  readonly app: Express
  readonly keys: PassportKeys
  /** What membership says of members. */
  readonly standings: ReturnType<typeof saidStandings>
  /** The ledger's; passports go by the real time. */
  readonly clock: ReturnType<typeof manualClock>
  readonly call: ReturnType<typeof createCaller>
  /** A second instance on the same store, as another process would be: with a writer for each shard. */
  readonly callTwin: ReturnType<typeof createCaller>
  /** Makes a version of the product with this fee, in force from now on: a flat one, a formula, or null for none. */
  setFee(product: string, fee: WireMoney | FeeFormula | null): number
  /** Makes a version of the product with these terms changed, in force from now on. */
  setTerms(product: string, change: Partial<ProductTerms>): number
  /** The product service gives no answer from now on, or does again. */
  setProductsAway(away: boolean): void
  /** Lets risk control tell what a review decided. */
  tell(type: 'review.approved' | 'review.declined', transfer: string): void
  close(): Promise<void>
}

/** The service behind its real door on the given store; `acc_alice`, `acc_bob` and `acc_carol` hold 1000.00 CNY each. */
export async function openCashFlow(
  server: DatabaseServer,
  options: {
    readonly start?: boolean
    readonly writers?: number
    readonly mailbox?: MailboxLimits
    readonly timeZone?: string
    /** From how many commands on a batch is decided while another is on its way; left out: always, as under load. */
    readonly aheadMin?: number
    /** Of what the database is made; null: of nothing but itself. */
    readonly journal?: CashFlowDeps['journal']
  } = {},
): Promise<CashFlowUnderTest> {
  const clock = manualClock(Date.parse('2026-03-02T10:00:00Z') as Instant)
  const database = await server.open('cash-flow', cashFlowMigrations)
  const log = createLog('error')
  const decisions: Event[] = []
  const products = new Map(Object.entries(PRODUCTS))
  const standings = saidStandings()
  let away = false
  const members = new Set(['mem_alice', 'mem_bob', 'mem_carol'])
  const deps = {
    ...{ database, clock, log },
    members: { exists: async (member: string) => members.has(member) },
    standings,
    products: {
      async find(product: string) {
        if (away) throw new Problem('dependency_unavailable')
        return products.get(product) ?? null
      },
    },
    async riskEvents(after: bigint, signal: AbortSignal) {
      for (;;) {
        const events = decisions.filter(({ seq }) => seq > after)
        if (events.length > 0 || signal.aborted) return events
        await sleep(5)
      }
    },
  }
  const { writers = 1, journal = null } = options
  const { timeZone = 'UTC', aheadMin = 1 } = options
  const mailbox = options.mailbox === undefined ? {} : { mailbox: options.mailbox }
  const cashFlow = createCashFlow({ ...deps, ...mailbox, writers, journal, timeZone, aheadMin })
  const twin = createCashFlow({ ...deps, writers: 4, journal, timeZone })
  await cashFlow.begin(async () => {})
  for (const name of ['alice', 'bob', 'carol']) {
    const account = { id: `acc_${name}`, member: `mem_${name}`, product: 'prd_basic', currency: 'CNY' } as const
    await cashFlow.seedAccount(account, money('CNY', 100_000n))
  }
  if (options.start !== false) cashFlow.start()
  const setTerms = (product: string, change: Partial<ProductTerms>): number => {
    const before = products.get(product)
    assert(before !== undefined)
    const version = before.version + 1
    products.set(product, { ...before, ...change, version })
    clock.advance(ASKED_EVERY_MS)
    return version
  }
  const keys = testPassportKeys()
  const doorOf = ({ routes }: CashFlow) =>
    createDoor({ service: 'cash-flow', routes, passports: keys, clock: systemClock, log })
  const app = doorOf(cashFlow)
  return {
    ...{ cashFlow, database, app, keys, clock, standings },
    call: createCaller(app, 'cash-flow', keys),
    callTwin: createCaller(doorOf(twin), 'cash-flow', keys),
    setFee(product, said) {
      const fee: FeeFormula = said === null ? { kind: 'none' } : 'kind' in said ? said : { kind: 'flat', amount: said }
      return setTerms(product, { fee })
    },
    setTerms,
    setProductsAway(is) {
      away = is
      clock.advance(ASKED_EVERY_MS)
    },
    tell(type, transfer) {
      const data = { case: 'case_1', operation: 'op_1', transfer, reviewers: ['rev_1'], reason: 'looked at' }
      const seq = BigInt(decisions.length + 1)
      decisions.push({ seq, id: newId('event'), type, subject: 'case_1', members: [], at: clock.now(), data })
    },
    async close() {
      await Promise.all([cashFlow.close(), twin.close()])
      await server.close()
    },
  }
}

export const cny = (value: string) => ({ currency: 'CNY', value })

export const fromAlice = (value: string, more: Record<string, unknown> = {}) => ({
  from: 'acc_alice',
  to: 'acc_bob',
  amount: cny(value),
  reference: 'rent for March',
  ...more,
})

export const key = (text: string) => ({ 'idempotency-key': text })

/** The caller's claims on a request that risk control wants held. */
export const held = (claims: Claims, holdMs?: number): Claims => ({
  ...claims,
  assessment: { id: 'asm_1', outcome: 'hold', ...(holdMs === undefined ? {} : { holdMs }) },
})

/** Waits until the operation is in the state; fails by the test's own time limit. */
export async function untilState(
  { call }: Pick<CashFlowUnderTest, 'call'>,
  operation: string,
  state: string,
  claims: Claims = alice,
): Promise<Record<string, unknown>> {
  for (;;) {
    const answer = await call('GET', `/v1/operations/${operation}`, claims)
    if (answer.body.state === state) return answer.body
    await sleep(10)
  }
}

type Rebuilt = {
  readonly records: number
  readonly rows: number
  readonly differences: readonly { table: string; key: string; is: string; columns: string[] }[]
  readonly coveredFrom: readonly { account: string; version: number }[]
  readonly detached: readonly string[]
}

/** What a replay of the journal beside the live tables comes to. */
export async function rebuildOf({ call }: Pick<CashFlowUnderTest, 'call'>): Promise<Rebuilt> {
  const begun = await call('POST', '/v1/ledger/rebuild', asOperator)
  assert.equal(begun.status, 202, begun.text)
  for (;;) {
    const { body } = await call('GET', '/v1/ledger/rebuild', asOperator)
    if (body.state !== 'running') {
      assert.equal(body.state, 'done')
      return body
    }
    await sleep(5)
  }
}
