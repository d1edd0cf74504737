import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runChaos } from './chaos.ts'
import { LAP_ROUNDS, type Plan, planOf, planQuickLap, VICTIMS } from './plan.ts'
import { NAMED_POINTS } from './points.ts'
import { renderTable, rowsOf } from './table.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings what makes it start sooner'

const LONG = { timeout: 400_000 }

describe('a ledger that is killed at every named point, and at random', { skip, concurrency: true }, () => {
  test('keeps what it acknowledged, once, and all else can be asked for by key', LONG, async (test) => {
    const rounds = await runChaos(planQuickLap())
    assert.deepEqual(
      rounds.flatMap(({ plan, findings }) => findings.map(({ what, text }) => `round ${plan.seed}: ${what}: ${text}`)),
      [],
    )
    const rows = rowsOf(rounds)
    const points = new Set(rows.map(({ point }) => point))
    assert.deepEqual(
      NAMED_POINTS.filter((point) => !points.has(point)),
      [],
    )
    test.diagnostic(`\n${renderTable(rows)}`)
  })

  test('is found out when it answers before it has committed', LONG, async () => {
    const [round] = await runChaos([planOf(2)], { fault: 'answers before it commits' })
    assert.ok(
      round?.findings.some(({ what }) => what === 'lost'),
      JSON.stringify(round?.findings),
    )
  })

  test('is found out when it takes a deposit twice under one key', LONG, async () => {
    const [round] = await runChaos([planOf(1)], { fault: 'forgets keys of deposits' })
    assert.ok(
      round?.findings.some(({ what }) => what === 'doubled'),
      JSON.stringify(round?.findings),
    )
  })
})

test('a lap has every named point, and three laps of seeds every victim at each', () => {
  const lap = (rounds: number): readonly Plan[] => Array.from({ length: rounds }, (_, seed) => planOf(seed))
  const points = (plans: readonly Plan[]) => new Set(plans.flatMap(({ kills }) => kills.map(({ point }) => point)))
  const both = (plans: readonly Plan[]) =>
    new Set(plans.flatMap(({ victim, kills }) => kills.map(({ point }) => `${victim} ${point}`)))
  assert.equal(points(planQuickLap()).size, NAMED_POINTS.length + 1)
  assert.deepEqual(new Set(planQuickLap().map(({ victim }) => victim)), new Set(VICTIMS))
  assert.equal(points(lap(LAP_ROUNDS)).size, NAMED_POINTS.length + 1)
  assert.equal(both(lap(3 * LAP_ROUNDS)).size, VICTIMS.length * (NAMED_POINTS.length + 1))
  assert.deepEqual(planOf(7), planOf(7))
})
