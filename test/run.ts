/**
 * Runs the tests: brings for the whole run a real PostgreSQL server and what makes platforms start sooner, then
 * `node --test` over the given files, or all.
 * Usage: `npm test`, `npm test -- test/kernel/money.test.ts`.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { openTestRun } from './support/test-run.ts'

const FILES_AT_ONCE = 3
const TEST_TIMEOUT_MS = 120_000

const given = process.argv.slice(2)
const files = given.length > 0 ? given : globSync('test/**/*.test.ts').sort()
const run = await openTestRun('in memory')
const runner = spawn(
  process.execPath,
  ['--test', `--test-concurrency=${FILES_AT_ONCE}`, `--test-timeout=${TEST_TIMEOUT_MS}`, ...files],
  { stdio: 'inherit', env: { ...process.env, ...run.environment } },
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => runner.kill(signal))
runner.once('exit', async (code) => {
  await run.close()
  process.exit(code ?? 1)
})
