import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadMutated } from '../../../src/cli/simulate/mutated-code.ts'
import { runSeed } from '../../../src/cli/simulate/run-seed.ts'
import { isCaughtBySeed, MUTANTS, simulate } from '../../../src/cli/simulate/simulation.ts'
import { runCli } from '../../support/cli.ts'

const SEEDS = 2_000
const AT_ONCE = 250

describe('the journal in a simulated world', () => {
  for (let first = 1; first < SEEDS; first += AT_ONCE) {
    test(`breaks no obligation in seeds ${first} to ${first + AT_ONCE - 1}, whatever goes wrong`, async () => {
      const { acknowledged, leaderships, failing } = await simulate(first, AT_ONCE, () => {})
      assert.deepEqual(failing, [])
      assert.ok(acknowledged > AT_ONCE * 10 && leaderships > AT_ONCE * 2, 'something has happened')
    })
  }

  test('does the same again for the same seed', async () => {
    for (const seed of [3, 77, 1_234]) assert.deepEqual(await runSeed(seed), await runSeed(seed))
    const noFence = MUTANTS.find(({ name }) => name === 'no-fence-on-append')
    assert.ok(noFence)
    const mutated = await loadMutated(noFence)
    const found = await mutated(noFence.seed)
    assert.ok(found.violations.length > 0)
    assert.deepEqual(await mutated(noFence.seed), found)
  })

  test('a mutant that does not fit the code any more is an error', async () => {
    const [where] = MUTANTS
    assert.ok(where)
    const nowhere = { ...where, name: 'fits-nowhere', changes: [['there is no such line', '']] } as const
    await assert.rejects(loadMutated(nowhere), /fits-nowhere does not fit .* any more/)
    await assert.rejects(
      loadMutated({ ...where, name: 'elsewhere', file: 'cli/ledger.ts' }),
      /does not use cli\/ledger/,
    )
  })
})

describe('a mistake in the journal is found', () => {
  for (const mutant of MUTANTS) {
    test(`${mutant.name}: ${mutant.mistake}`, async () => {
      assert.ok(
        await isCaughtBySeed(mutant),
        `not by seed ${mutant.seed} any more: npx tidegate simulate finds another`,
      )
    })
  }
})

describe('tidegate simulate', () => {
  test('prints what it did as JSON', async () => {
    const { code, stdout } = await runCli(['simulate', '--seeds', '5', '--seed', '11', '--no-mutants', '--json'])
    assert.equal(code, 0)
    const { acknowledged, leaderships, ...others } = JSON.parse(stdout)
    assert.ok(acknowledged > 0 && leaderships > 0)
    assert.deepEqual(others, { seeds: 5, violations: 0, failing: [], mutants: [] })
  })

  test('asks for whole numbers', async () => {
    for (const args of [['--seeds', '0'], ['--seed', 'x'], ['--sedes', '4'], ['seeds']]) {
      assert.equal((await runCli(['simulate', ...args])).code, 2)
    }
  })
})
