import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Instant, toRfc3339 } from '../../../src/kernel/clock.ts'
import { money } from '../../../src/kernel/money.ts'
import { transferIdOf } from '../../../src/kernel/operation-id.ts'
import type { Database, DatabaseServer, Sql } from '../../../src/platform/database.ts'
import { openPglite } from '../../../src/platform/pglite.ts'
import { openPostgres } from '../../../src/platform/postgres.ts'
import { countMoved, countRefused } from '../../../src/services/risk/counted-transfers.ts'
import { riskMigrations } from '../../../src/services/risk/index.ts'
import { readMemberVelocity, readPayeeVelocity } from '../../../src/services/risk/velocity.ts'
import { migrationsBefore } from '../../support/migrations-before.ts'
import { copyDatabase } from '../../support/shared-start.ts'
import { createBareDatabase } from '../../support/stores.ts'

const HOUR_MS = 3_600_000
const NOW = Date.now() as Instant
const MEMBER = 'mem_早'
/** Whatever a key may hold that JSON writes in its own way. */
const KEY = 'a"b\\c/~'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'
const WHAT = 'what was assessed before transfers were counted counts as it did, and once'

test(`${WHAT}, on PGlite`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-before-'))
  copyDatabase('bare', folder)
  await countsAsBefore(() => openPglite(join(folder, 'database')))
  await rm(folder, { recursive: true, force: true })
})

test(`${WHAT}, on PostgreSQL`, { skip }, async () => {
  const url = await createBareDatabase()
  await countsAsBefore(async () => openPostgres(() => url, console.error))
})

async function countsAsBefore(open: () => Promise<DatabaseServer>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-migrations-'))
  const old = await open()
  const then = await old.open('risk', await migrationsBefore('risk', riskMigrations, '010', folder))
  await then.transaction(async (sql) => {
    await assessed(sql, { key: KEY, outcome: 'accept', hoursAgo: 0.5 })
    await assessed(sql, { key: 'reviewed', outcome: 'review', hoursAgo: 20 })
    await assessed(sql, { key: 'long ago', outcome: 'accept', hoursAgo: 24 * 100 })
    await assessed(sql, { key: 'rejected', outcome: 'reject', hoursAgo: 0.5 })
    await assessed(sql, { key: 'held', outcome: 'hold', hoursAgo: 30, state: 'open' })
    await assessed(sql, { key: 'approved', outcome: 'hold', hoursAgo: 30, state: 'approved' })
  })
  await old.close()
  await rm(folder, { recursive: true, force: true })

  const server = await open()
  const database = await server.open('risk', riskMigrations)
  assert.deepEqual(await counted(database), [2, 300n, 4, 3, 1])
  const told = { partOf: null, payer: MEMBER, payee: 'acc_bob', amount: money('CNY', 100n), at: NOW }
  await database.transaction(async (sql) => {
    const moved = [KEY, 'held'].map((key) => ({ ...told, transfer: transferIdOf(MEMBER, key) }))
    await countMoved(sql, moved) // the first counts already
    await countRefused(sql, [transferIdOf(MEMBER, 'reviewed')]) // it counted as moved, and goes on doing so
  })
  assert.deepEqual(await counted(database), [2, 400n, 5, 3, 1])
  await server.close()
}

function counted(database: Database): Promise<readonly (number | bigint)[]> {
  return database.transaction(async (sql) => {
    const { transfersLastHour, amountLastDay } = await readMemberVelocity(sql, MEMBER, 'CNY', NOW)
    const asked = { member: MEMBER, payee: 'acc_bob', device: 'phone' }
    const { transfersToPayee, payeeTransfersLastDay, deviceMembersLastDay } = await readPayeeVelocity(sql, asked, NOW)
    return [transfersLastHour, amountLastDay.minor, transfersToPayee, payeeTransfersLastDay, deviceMembersLastDay]
  })
}

type Before = {
  readonly key: string
  readonly outcome: 'accept' | 'review' | 'hold' | 'reject'
  readonly hoursAgo: number
  readonly state?: 'open' | 'approved'
}

/** As it was stored then; approved an hour ago. */
async function assessed(sql: Sql, { key, outcome, hoursAgo, state }: Before): Promise<void> {
  const at = toRfc3339((NOW - hoursAgo * HOUR_MS) as Instant)
  const held = outcome === 'hold'
  await sql.query(
    `INSERT INTO assessment (id, member, idempotency_key, body_sha256, at, currency, minor, outcome, rule, reasons, considered,
       bundle, facts, approvals, decide_ms, payee, device)
     VALUES ($1, $2, $3, '', $4, 'CNY', 100, $5, '', '[]', '[]', '', '{}', $6, $7, 'acc_bob', 'phone')`,
    [`asm_${key}`, MEMBER, key, at, outcome, held ? 1 : null, held ? HOUR_MS : null],
  )
  if (state === undefined) return
  const closed = state === 'open' ? null : toRfc3339((NOW - HOUR_MS) as Instant)
  await sql.query(
    `INSERT INTO review_case (id, version, operation, transfer, assessment, maker, currency, minor, facts, case_version,
       snapshot_hash, state, needed, opened_at, due_at, closed_at)
     VALUES ($1, 1, $1, $2, $3, $4, 'CNY', 100, '{}', 1, '', $5, 1, $6, $6, $7)`,
    [`case_${key}`, transferIdOf(MEMBER, key), `asm_${key}`, MEMBER, state, at, closed],
  )
}
