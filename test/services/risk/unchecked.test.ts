import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { type Instant, manualClock } from '../../../src/kernel/clock.ts'
import { Problem } from '../../../src/kernel/problem.ts'
import type { Database, DatabaseServer } from '../../../src/platform/database.ts'
import type { Bundle } from '../../../src/policy/index.ts'
import type { Asked, Assessments } from '../../../src/services/risk/assessments.ts'
import { riskMigrations } from '../../../src/services/risk/index.ts'
import { recordingLog } from '../../support/recording-log.ts'
import { onEachStore } from '../../support/stores.ts'
import { budgetOf, deciding, policiesWith, transferOf } from './away.ts'

const AT_ONCE = 50
const PER_MS = 3_600_000

onEachStore('transfers that nobody checks', (store) => {
  let server: DatabaseServer
  let database: Database
  let policies: Bundle
  let assessments: Assessments
  const clock = manualClock(Date.now() as Instant)

  before(async () => {
    server = await store.open()
    database = await server.open('risk', riskMigrations)
    assessments = deciding(database, () => policies, clock)
  })
  beforeEach(() => clock.advance(PER_MS)) // what other tests spent is over
  after(() => server.close())

  const assess = async (asked: Asked, by = assessments) => {
    const outcome = await by.assess(asked)
    assert(outcome.kind === 'assessed')
    return outcome.assessment
  }
  const outcomes = async (...minors: readonly bigint[]) => {
    const found: string[] = []
    for (const minor of minors) found.push((await assess(transferOf(minor))).outcome)
    return found
  }

  test('hold: what the rules would let pass is held', async () => {
    policies = policiesWith('hold')
    const { outcome, rule, unchecked, terms } = await assess(transferOf(1n))
    assert.deepEqual([outcome, rule, unchecked, terms?.approvals], ['hold', 'risk/unchecked-hold', false, 2])
    assert.equal((await assess(transferOf(1n, { to: 'acc_banned' }))).outcome, 'reject')
  })

  test('a rule that can not be evaluated is logged with the receipt, and the others decide', async () => {
    policies = policiesWith('hold')
    const { log, lines } = recordingLog()
    const asked = { ...transferOf(1n, { currency: 'USD' }), receipt: 'rcp_dollars' }
    const { rule } = await assess(
      asked,
      deciding(database, () => policies, clock, log),
    )
    assert.equal(rule, 'risk/unchecked-hold')
    assert.deepEqual(
      lines.map((line) => [line['rule'], line['receipt']]),
      [['risk/tiny', 'rcp_dollars']],
    )
  })

  test('closed: nothing is decided or stored, and the same key is decided once that is possible', async () => {
    policies = policiesWith('closed')
    const asked = transferOf(1n)
    const refused = (error: unknown) => error instanceof Problem && error.code === 'dependency_unavailable'
    await assert.rejects(assessments.assess(asked), refused)
    const stored = 'SELECT id FROM assessment WHERE idempotency_key = $1'
    assert.deepEqual(await database.transaction((sql) => sql.query(stored, [asked.idempotencyKey])), [])
    policies = policiesWith('open')
    assert.equal((await assess(asked)).outcome, 'accept')
  })

  test('open: the rules that do not ask the provider decide, and what passes is tagged for good', async () => {
    policies = policiesWith('open')
    const passed = await assess(transferOf(1n))
    const { outcome, rule, unchecked, tags } = passed
    assert.deepEqual([outcome, rule, unchecked], ['accept', 'risk/unchecked-accept', true])
    assert.deepEqual(tags, ['early', 'unchecked'])
    assert.deepEqual(await assessments.find(passed.id), passed)
    const banned = await assess(transferOf(1n, { to: 'acc_banned' }))
    assert.deepEqual([banned.rule, banned.unchecked, banned.tags], ['risk/banned', false, ['early']])
    const large = await assess(transferOf(100_000n))
    assert.deepEqual([large.rule, large.outcome, large.unchecked], ['risk/large-unchecked', 'hold', false])
  })

  test('a budget lets pass as many transfers as it says, then holds', async () => {
    policies = policiesWith(budgetOf(2, '500.00'))
    assert.deepEqual(await outcomes(1n, 1n, 1n), ['accept', 'accept', 'hold'])
  })

  test('a budget lets pass as much money as it says: the one that does not fit is held, a smaller one passes', async () => {
    policies = policiesWith(budgetOf(9, '5.00'))
    assert.deepEqual(await outcomes(300n, 201n, 200n, 1n), ['accept', 'hold', 'accept', 'hold'])
  })

  test('after a budget it is closed where the policies say so', async () => {
    policies = policiesWith(budgetOf(1, '5.00', 'closed'))
    assert.deepEqual(await outcomes(1n), ['accept'])
    await assert.rejects(assessments.assess(transferOf(1n)), Problem)
  })

  test('what another rule holds or rejects spends nothing', async () => {
    policies = policiesWith(budgetOf(1, '5000.00'))
    assert.deepEqual(await outcomes(100_000n), ['hold'])
    await assess(transferOf(1n, { to: 'acc_banned' }))
    assert.deepEqual(await outcomes(1n, 1n), ['accept', 'hold'])
  })

  test('another currency has no budget', async () => {
    policies = policiesWith(budgetOf(9, '500.00'))
    assert.equal((await assess(transferOf(1n, { currency: 'USD' }))).outcome, 'hold')
  })

  test('a retry gets the first answer and spends nothing', async () => {
    policies = policiesWith(budgetOf(2, '500.00'))
    const asked = transferOf(1n)
    const first = await assess(asked)
    const again = await assessments.assess(asked)
    assert.deepEqual(again, { kind: 'assessed', assessment: first, replayed: true })
    assert.deepEqual(await outcomes(1n, 1n), ['accept', 'hold'])
  })

  test('what was spent comes back after the time of the budget, and not before', async () => {
    policies = policiesWith(budgetOf(1, '500.00'))
    assert.deepEqual(await outcomes(1n), ['accept'])
    clock.advance(PER_MS - 1)
    assert.deepEqual(await outcomes(1n), ['hold'])
    clock.advance(1)
    assert.deepEqual(await outcomes(1n), ['accept'])
  })

  test('whoever changes the limits finds spent what was spent before', async () => {
    policies = policiesWith(budgetOf(3, '500.00'))
    assert.deepEqual(await outcomes(100n, 100n), ['accept', 'accept'])
    policies = policiesWith(budgetOf(9, '2.50'))
    assert.deepEqual(await outcomes(100n, 50n, 1n), ['hold', 'accept', 'hold'])
    policies = policiesWith(budgetOf(2, '500.00'))
    const [left] = await assessments.budgets()
    assert.deepEqual(left?.left, { count: 0, amount: { currency: 'CNY', minor: 49_750n } })
  })

  test(`${AT_ONCE} at once by two processes never spend more than there is`, async () => {
    const amounts = fc.array(fc.bigInt({ min: 1n, max: 300n }), { minLength: AT_ONCE, maxLength: AT_ONCE })
    const limits = fc.record({ count: fc.integer({ min: 1, max: AT_ONCE }), major: fc.integer({ min: 1, max: 60 }) })
    await fc.assert(
      fc.asyncProperty(amounts, limits, async (minors, { count, major }) => {
        clock.advance(PER_MS)
        policies = policiesWith(budgetOf(count, `${major}.00`))
        const processes = [assessments, deciding(database, () => policies, clock)]
        const decided = await Promise.all(minors.map((minor, n) => assess(transferOf(minor), processes[n % 2])))
        const passed = decided.filter(({ unchecked }) => unchecked)
        const sum = passed.reduce((total, { amount }) => total + amount.minor, 0n)
        const room = BigInt(major) * 100n - sum
        assert.ok(passed.length <= count && room >= 0n, `${passed.length} of ${count}, ${room} left`)
        // Nor less: what was held did not fit when it came, and nothing was given back since.
        const smallest = decided.find(({ unchecked, amount }) => !unchecked && amount.minor <= room)
        assert.ok(passed.length === count || smallest === undefined, `${smallest?.amount.minor} would have fitted`)
      }),
      { numRuns: 4 },
    )
  })
})
