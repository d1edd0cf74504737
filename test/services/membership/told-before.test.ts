import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../../src/kernel/clock.ts'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { openPglite } from '../../../src/platform/pglite.ts'
import { openPostgres } from '../../../src/platform/postgres.ts'
import { membershipMigrations } from '../../../src/services/membership/index.ts'
import { selectMemberEvents } from '../../../src/services/membership/store.ts'
import { tellMembers } from '../../../src/services/membership/telling.ts'
import { migrationsBefore } from '../../support/migrations-before.ts'
import { copyDatabase } from '../../support/shared-start.ts'
import { createBareDatabase } from '../../support/stores.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'
const WHAT = 'what members were told before events were kept once is read as it was, and gone on from'

test(`${WHAT}, on PGlite`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-before-'))
  copyDatabase('bare', folder)
  await readsAsBefore(() => openPglite(join(folder, 'database')))
  await rm(folder, { recursive: true, force: true })
})

test(`${WHAT}, on PostgreSQL`, { skip }, async () => {
  const url = await createBareDatabase()
  await readsAsBefore(async () => openPostgres(() => url, console.error))
})

const AT = 1_767_225_600_000
const TOLD = { type: 'transfer.posted', at: AT, data: { reference: 'a "b" \\ 早', n: 1 } }

async function readsAsBefore(open: () => Promise<DatabaseServer>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-migrations-'))
  const old = await open()
  const then = await old.open('membership', await migrationsBefore('membership', membershipMigrations, '007', folder))
  await then.transaction(async (sql) => {
    await sql.query("INSERT INTO member_head VALUES ('mem_ann', 2), ('mem_ben', 1)")
    const rows = [
      ['mem_ann', 'evt_1', 1],
      ['mem_ben', 'evt_1', 1],
      ['mem_ann', 'evt_2', 2],
    ] as const
    for (const [member, id, sequence] of rows) {
      await sql.query(
        'INSERT INTO member_event (member, id, sequence, type, at, data) VALUES ($1, $2, $3, $4, $5, $6)',
        [...[member, id, sequence, TOLD.type, new Date(AT).toISOString(), JSON.stringify(TOLD.data)]],
      )
    }
  })
  await old.close()
  await rm(folder, { recursive: true, force: true })

  const server = await open()
  const database = await server.open('membership', membershipMigrations)
  const event = { seq: 3n, id: 'evt_3' as never, subject: 'trf_3', members: ['mem_ann'], ...TOLD } as const
  await database.transaction((sql) => tellMembers(sql, systemClock, [event]))
  const eventsOf = (member: string) => database.transaction((sql) => selectMemberEvents(sql, member, 0n, 10))
  const told = (member: string, id: string, sequence: bigint) => ({ member, sequence, id, ...TOLD })
  assert.deepEqual(await eventsOf('mem_ann'), [
    told('mem_ann', 'evt_1', 1n),
    told('mem_ann', 'evt_2', 2n),
    told('mem_ann', 'evt_3', 3n),
  ])
  assert.deepEqual(await eventsOf('mem_ben'), [told('mem_ben', 'evt_1', 1n)])
  await server.close()
}
