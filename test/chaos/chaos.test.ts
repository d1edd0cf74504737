import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { runChaos } from './chaos.ts'
import { LAP_ROUNDS, type Plan, planFault, planOf, planShortLap, VICTIMS } from './plan.ts'
import { NAMED_POINTS, POINTS_IN_TURN } from './points.ts'
import type { Round } from './round.ts'
import { renderTable, rowsOf } from './table.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings what makes it start sooner'

const LONG = { timeout: 400_000 }
const HASTY = planFault('answers before it commits', 101)
const KEYLESS = planFault('forgets keys of deposits', 102)

describe('a ledger that is killed', { skip }, () => {
  let rounds: readonly Round[] = []
  before(async () => {
    rounds = await runChaos([...planShortLap(), HASTY, KEYLESS])
  }, LONG)
  const findingsOf = ({ seed }: Plan) => rounds.find(({ plan }) => plan.seed === seed)?.findings ?? []

  test('at every step keeps what it acknowledged, once, and all else can be asked for by key', (test) => {
    const sound = rounds.filter(({ plan }) => plan.fault === 'none')
    assert.deepEqual(
      sound.flatMap(({ plan, findings }) => findings.map(({ what, text }) => `round ${plan.seed}: ${what}: ${text}`)),
      [],
    )
    const rows = rowsOf(sound)
    const reached = new Set(rows.map(({ point }) => point))
    assert.deepEqual(
      POINTS_IN_TURN.filter((point) => !reached.has(point)),
      [],
    )
    test.diagnostic(`\n${renderTable(rows)}`)
  })

  for (const [plan, what, fault] of [
    [HASTY, 'lost', 'it answers before it has committed'],
    [KEYLESS, 'doubled', 'it takes a deposit twice under one key'],
  ] as const) {
    test(`is found out when ${fault}`, () => {
      const findings = findingsOf(plan)
      assert.ok(
        findings.some((finding) => finding.what === what),
        JSON.stringify(findings),
      )
    })
  }
})

test('a lap of seeds has every named point, and three laps every victim at each', () => {
  const lap = (rounds: number): readonly Plan[] => Array.from({ length: rounds }, (_, seed) => planOf(seed))
  const points = (plans: readonly Plan[]) => new Set(plans.flatMap(({ kills }) => kills.map(({ point }) => point)))
  const both = (plans: readonly Plan[]) =>
    new Set(plans.flatMap(({ victim, kills }) => kills.map(({ point }) => `${victim} ${point}`)))
  assert.equal(points(lap(LAP_ROUNDS)).size, NAMED_POINTS.length + 1)
  assert.equal(both(lap(3 * LAP_ROUNDS)).size, VICTIMS.length * (NAMED_POINTS.length + 1))
  assert.equal(points(planShortLap()).size, POINTS_IN_TURN.length + 1)
  assert.deepEqual(new Set(planShortLap().map(({ victim }) => victim)), new Set(VICTIMS))
  assert.deepEqual(planOf(7), planOf(7))
})
