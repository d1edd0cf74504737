import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openPglite } from '../../../src/platform/pglite.ts'
import { openPostgres } from '../../../src/platform/postgres.ts'
import { riskMigrations } from '../../../src/services/risk/index.ts'
import { createDatabase } from '../../support/stores.ts'

const COUNT = 60
/** How many have passed when the process is killed, in each round; the last one runs to its end. */
const KILL_AFTER = [10, 15, Number.POSITIVE_INFINITY]

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

test('a budget that was spent stays spent, and what was told counts once, after kill -9 on PGlite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-spent-'))
  try {
    await spendAndKill(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

test('a budget that was spent stays spent, and what was told counts once, after kill -9 on PostgreSQL', {
  skip,
}, async () => {
  await spendAndKill(await createDatabase())
})

async function spendAndKill(store: string): Promise<void> {
  const acknowledged: string[] = []
  for (const killAfter of KILL_AFTER) acknowledged.push(...(await spend(store, killAfter)))
  const { stored, asked, told, taken } = await storedIn(store)
  assert.equal(asked, BigInt(COUNT), 'what was let pass is counted with it')
  assert.ok(taken > 0n)
  assert.equal(told, taken, 'each event that was taken is counted, and once')
  assert.equal(stored.length, COUNT, 'each round finds what the one before spent, and spends no more than is left')
  for (const id of acknowledged) assert.ok(stored.includes(id), 'what was told to pass is spent')
}

/** What passed by the end of the process. */
async function spend(store: string, killAfter: number): Promise<readonly string[]> {
  const file = fileURLToPath(new URL('./spender.ts', import.meta.url))
  const env = { ...process.env, STORE: store, COUNT: String(COUNT) }
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const passed: string[] = []
  for await (const line of createInterface(child.stdout)) {
    passed.push(line)
    if (passed.length === killAfter) child.kill('SIGKILL')
  }
  await exited
  return passed
}

async function storedIn(store: string) {
  const server = store.startsWith('postgresql:') ? openPostgres(() => store, console.error) : await openPglite(store)
  const database = await server.open('risk', riskMigrations)
  const rows = await database.transaction((sql) =>
    sql.query<{ id: string }>('SELECT id FROM assessment WHERE unchecked'),
  )
  const [counts] = await database.transaction((sql) =>
    sql.query<{ asked: bigint; told: bigint; taken: bigint }>(
      `SELECT count(*) FILTER (WHERE state = 'let_pass') AS asked,
         (sum(minor) FILTER (WHERE member = 'mem_told' AND state = 'moved'))::bigint AS told,
         (SELECT seq FROM feed_offset WHERE feed = 'cash-flow') AS taken FROM counted_transfer`,
    ),
  )
  await server.close()
  assert(counts !== undefined)
  return { stored: rows.map(({ id }) => id), ...counts }
}
