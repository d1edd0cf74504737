import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { CHAINS, type CrashPoint, type Signal, tableOfPoints } from './points.ts'
import { runChain } from './run-chain.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

/** Two stores have the batch, and nobody was told; `npm run chaos -- journal` strikes at all points. */
const POINT_HERE: Readonly<Record<Signal, CrashPoint>> = { SIGKILL: 'stored 2', SIGSTOP: 'batch appended' }

test('docs/crash-points.md has the table that is tested', async () => {
  const page = await readFile('docs/crash-points.md', 'utf8')
  assert.ok(page.includes(`\n${tableOfPoints()}\n`), tableOfPoints())
})

describe('a process that leads a journal in three stores', { skip, concurrency: true }, () => {
  for (const chain of CHAINS) {
    const { signal, isShared } = chain
    test(`is struck by ${signal} on ${isShared ? 'PostgreSQL' : 'files'}, and nothing is lost or done twice`, async () => {
      const point = POINT_HERE[signal]
      const { cells } = await runChain(chain, [point])
      assert.deepEqual(cells, [{ point, became: 'kept' }])
    })
  }
})
