import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { createReviewDesk } from '../../../src/adapters/review-desk/review-desk.ts'
import { type Instant, manualClock } from '../../../src/kernel/clock.ts'
import { money, toWire } from '../../../src/kernel/money.ts'
import { legIdsOf, transferIdOf } from '../../../src/kernel/operation-id.ts'
import type { Database, DatabaseServer } from '../../../src/platform/database.ts'
import { createOutbox } from '../../../src/platform/outbox.ts'
import { followCashFlow } from '../../../src/services/risk/follow-cash-flow.ts'
import { riskMigrations } from '../../../src/services/risk/index.ts'
import { createReviews } from '../../../src/services/risk/reviews.ts'
import { readMemberVelocity, readPayeeVelocity } from '../../../src/services/risk/velocity.ts'
import { recordingLog } from '../../support/recording-log.ts'
import { onEachStore } from '../../support/stores.ts'
import { deciding, policiesWith, transferOf } from './away.ts'
import { inMemoryFeed } from './cash-flow-feed.ts'
import { type Counts, countsOf, type Part, type Word } from './counted-model.ts'
import { eventually } from './world.ts'

const RUNS = 40
const MINUTE_MS = 60_000

const which = fc.nat({ max: 9 })
const minor = fc.integer({ min: 1, max: 900 })
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      member: fc.constantFrom('one', 'two', 'desk'), // who is at the desk moves the money of one
      payees: fc.array(fc.constantFrom('acc_a', 'acc_b', 'acc_banned'), { minLength: 1, maxLength: 3 }),
      device: fc.constantFrom('', 'phone'),
      minor: fc.oneof(minor, fc.constant(100_000)), // so much is held
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('post' as const), which, part: fc.nat({ max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('refuse', 'void', 'take back', 'tell again'), which }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('unasked' as const), member: fc.constantFrom('one', 'two'), minor }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.constantFrom(1, 45, 800) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

onEachStore('what counts after any history', (store) => {
  const clock = manualClock(Date.now() as Instant)
  const policies = policiesWith('open')
  const feed = inMemoryFeed()
  const { log } = recordingLog()
  const keys = generateKeyPairSync('ed25519')
  const desk = createReviewDesk(
    { url: 'http://127.0.0.1:1', callbackUrl: 'http://127.0.0.1:1', secrets: [], publicKeys: [keys.publicKey] },
    clock,
  )
  let server: DatabaseServer
  let database: Database
  let follower: { close(): Promise<void> }
  const follow = () => {
    const outbox = createOutbox(database, clock)
    const reviews = createReviews({ outbox, clock, log, desk, bundle: () => policies })
    return followCashFlow({ source: feed.source, outbox, reviews, log })
  }
  before(async () => {
    server = await store.open()
    database = await server.open('risk', riskMigrations)
    follower = follow()
  })
  after(async () => {
    await follower.close()
    await server.close()
  })

  /** One history of members, payees and a device of its own. */
  function history() {
    const run = randomUUID()
    const own = (name: string) => (name === 'acc_banned' || name === '' ? name : `${name}_${run}`)
    const parts: Part[] = []
    const words: Word[] = []
    const told: { readonly type: string; readonly data: Record<string, unknown>; readonly at: number }[] = []
    const tell = (type: string, data: Record<string, unknown>, at: number = clock.now()) => {
      told.push({ type, data, at })
      feed.append(type, data, at)
    }
    const hasMoved = (part: string) => words.some((word) => word.kind === 'moved' && word.part === part)
    const post = ({ part, transfer, payee, member }: Part, moved: number) => {
      const payer = member === null || member === own('desk') ? own('one') : member
      const at = clock.now()
      words.push({ kind: 'moved', part, payer, minor: moved, at })
      const data = { transfer: part, to: payee, fromMember: payer, amount: toWire(money('CNY', BigInt(moved))) }
      tell('transfer.posted', { ...data, ...(part === transfer ? {} : { partOf: transfer }) }, at)
    }
    const ask = async (asked: Extract<Step, { kind: 'ask' }>) => {
      const [member, key, device] = [own(asked.member), randomUUID(), own(asked.device)]
      const payees = asked.payees.map(own)
      const legs = payees.map((to) => ({ from: 'acc_of', to, amount: toWire(money('CNY', BigInt(asked.minor))) }))
      const whole = transferOf(BigInt(asked.minor * payees.length), { member, key, to: payees[0] ?? '' })
      const transfer = payees.length === 1 ? whole.transfer : { ...whole.transfer, legs }
      const context = { device, session: '', level: '' }
      // Another process each time: it remembers nothing.
      const outcome = await deciding(database, () => policies, clock).assess({ ...whole, transfer, context })
      assert(outcome.kind === 'assessed')
      const id = transferIdOf(member, key)
      const ids = payees.length === 1 ? [id] : legIdsOf(id, payees.length)
      const passed = outcome.assessment.outcome === 'accept'
      for (const [index, payee] of payees.entries()) {
        const rest = { payee, minor: asked.minor, passed, askedAt: clock.now() }
        parts.push({ part: ids[index] ?? '', transfer: id, member, device, ...rest })
      }
    }
    const take = async (does: Step): Promise<void> => {
      const one = 'which' in does ? parts[does.which % Math.max(1, parts.length)] : undefined
      switch (does.kind) {
        case 'ask':
          return ask(does)
        case 'wait':
          return clock.advance(does.minutes * MINUTE_MS)
        case 'restart':
          await follower.close()
          follower = follow()
          return
        case 'unasked': {
          const part = `trf_${randomUUID()}`
          const rest = { device: '', payee: own('acc_a'), minor: does.minor, passed: false, askedAt: clock.now() }
          const added = { part, transfer: part, member: null, ...rest }
          parts.push(added)
          words.push({ kind: 'moved', part, payer: own(does.member), minor: does.minor, at: clock.now() })
          const data = { transfer: part, to: added.payee, fromMember: own(does.member) }
          return tell('transfer.posted', { ...data, amount: toWire(money('CNY', BigInt(does.minor))) })
        }
        case 'post':
          if (one !== undefined && !hasMoved(one.part)) post(one, Math.max(1, one.minor >> does.part))
          return
        case 'refuse':
        case 'void':
          if (one === undefined) return
          words.push({ kind: 'refused', transfer: one.transfer })
          if (does.kind === 'void') return tell('transfer.voided', { transfer: one.transfer, reason: 'voided' })
          return tell('operation.failed', { operation: one.transfer.replace('trf_', 'op_'), state: 'failed' })
        case 'take back':
          if (one === undefined) return
          words.push({ kind: 'taken back', part: one.part })
          return tell('transfer.posted', {
            ...{ transfer: `trf_${randomUUID()}`, reverses: one.part, to: 'acc_of', fromMember: own('two') },
            amount: toWire(money('CNY', BigInt(one.minor))),
          })
        default: {
          const again = told[does.which % Math.max(1, told.length)]
          if (again !== undefined) feed.append(again.type, again.data, again.at)
        }
      }
    }
    return { own, parts, words, take }
  }

  const counted = async (member: string, payee: string, device: string): Promise<Counts> => {
    const now = clock.now()
    const found = await database.transaction(async (sql) => ({
      ...(await readMemberVelocity(sql, member, 'CNY', now)),
      ...(await readPayeeVelocity(sql, { member, payee, device }, now)),
    }))
    return { ...found, amountLastDay: Number(found.amountLastDay.minor) }
  }
  const caughtUp = () =>
    eventually(async () => {
      const rows = await database.transaction((sql) => sql.query<{ seq: bigint }>('SELECT seq FROM feed_offset'))
      return (rows[0]?.seq ?? 0n) >= feed.head()
    })

  test('is what the log tells, and what was let pass and is not told of', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const { own, parts, words, take } = history()
        for (const does of steps) await take(does)
        await caughtUp()
        for (const [member, payee] of [
          ['one', 'acc_a'],
          ['two', 'acc_b'],
          ['desk', 'acc_a'],
        ].map((names) => names.map(own))) {
          const asking = { member: member ?? '', payee: payee ?? '', device: own('phone') }
          const expected = countsOf(parts, words, asking, clock.now())
          assert.deepEqual(await counted(asking.member, asking.payee, asking.device), expected)
        }
      }),
      { numRuns: RUNS },
    )
  })
})
