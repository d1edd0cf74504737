import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { skipWithoutRedis } from '../support/redis.ts'
import { DRILLED } from './dependencies.ts'
import type { Row } from './scenario.ts'
import { declaredBy, differenceOf } from './table.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

/** A process of its own: the runner of tests looks at every promise, and of those the platforms make very many. */
const RUN = join(import.meta.dirname, 'run.ts')

/** Some seventy faults, many with a deadline to wait for. */
const TIMEOUT_MS = 400_000

describe('the failure drill', { skip }, () => {
  const title = 'whatever fails, and however: each call ends as declared, and its effect is had once'
  test(title, { timeout: TIMEOUT_MS }, async ({ signal }) => {
    const run = spawn(process.execPath, [RUN], { env: process.env, stdio: ['ignore', 'pipe', 'pipe'], signal })
    const [stdout, stderr, [code]] = await Promise.all([text(run.stdout), text(run.stderr), once(run, 'close')])
    assert.equal(code, 0, stderr)
    const { rows, ...wrong } = JSON.parse(stdout)
    assert.deepEqual(wrong, { undeclared: 0, different: 0, violations: 0 }, stderr)
    assert.ok(rows > 500, `${rows} outcomes`)
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

test('what came once while all was well does not make everything else look different', () => {
  const page = declaredBy(
    '# T\n\n## When all is well\n\n| route | answer |\n| --- | --- |\n| accounts.read | 200 |\n\n## bank\n\nNothing changes.\n',
  )
  const row = { route: 'accounts.read', money: null, violation: null }
  const well: Row = { ...row, dependency: '', fault: 'none', answer: '503 x' }
  const failing = (answer: string): Row => ({ ...row, dependency: 'bank', fault: 'slow', answer })
  assert.deepEqual(
    [well, failing('200'), failing('503 x')].map((each) => differenceOf(each, page)),
    [
      'When all is well / accounts.read / When all is well: 503 x, declared 200',
      null,
      'bank / accounts.read / slow: 503 x, declared 200',
    ],
  )
})
