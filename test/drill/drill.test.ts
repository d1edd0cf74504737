import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { skipWithoutRedis } from '../support/redis.ts'
import { createDatabase } from '../support/stores.ts'
import { DRILLED } from './dependencies.ts'
import { drill } from './drill.ts'
import { declaredBy } from './table.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

/** Some seventy faults, many with a deadline to wait for. */
const TIMEOUT_MS = 400_000

describe('the failure drill', { skip }, () => {
  const title = 'whatever fails, and however: each call ends as declared, and its effect is had once'
  test(title, { timeout: TIMEOUT_MS }, async () => {
    const { rows, undeclared, different, violations } = await drill(createDatabase)
    assert.deepEqual({ undeclared, different, violations }, { undeclared: [], different: [], violations: [] })
    assert.ok(rows.length > 500, `${rows.length} outcomes`)
  })
})

test('Redis is among the dependencies that fail', { skip: skipWithoutRedis }, () => {
  assert.ok(DRILLED.some(({ name }) => name === 'Redis'))
})

test('a page declares what it names, and for the rest of a dependency that nothing changes', () => {
  const page =
    '# T\n\n## bank\n\n| route | refused | slow |\n| --- | --- | --- |\n| accounts.read | 503 x · moved | – |\n'
  const declared = declaredBy(page)
  const cells = ['accounts.read / refused', 'accounts.read / slow', 'members.change / slow', 'members.change / hangs']
  assert.deepEqual(
    cells.map((cell) => declared(`bank / ${cell}`)),
    ['503 x · moved', '–', '–', undefined],
  )
  assert.equal(declared('cash flow / accounts.read / refused'), undefined)
})
