import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../../src/kernel/clock.ts'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { openStore } from '../../../src/platform/journal/open-stores.ts'
import { createLog } from '../../../src/platform/log.ts'
import { createOutbox, type Outbox } from '../../../src/platform/outbox.ts'
import { cashFlowMigrations } from '../../../src/services/cash-flow/index.ts'
import { createLead } from '../../../src/services/cash-flow/journal/lead.ts'
import { openFreshPglite } from '../../support/stores.ts'

const log = createLog('silent')
type Store = ReturnType<typeof openStore>

describe('a ledger whose one store does not answer when it begins', () => {
  let server: DatabaseServer
  let outbox: Outbox
  let folder: string
  before(async () => {
    server = await openFreshPglite()
    outbox = createOutbox(await server.open('cash-flow', cashFlowMigrations), systemClock)
    folder = await mkdtemp(join(tmpdir(), 'tidegate-slow-'))
  })
  after(async () => {
    await server.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** Answers that it does not, so many times. */
  function failing(times: number): { readonly store: Store; readonly asked: () => number } {
    const store = openStore({ kind: 'files', folder: join(folder, 'journal') }, log)
    let asked = 0
    const prepare: Store['prepare'] = async (epoch) => {
      asked += 1
      if (asked <= times) throw new Error('the disk is busy')
      return store.prepare(epoch)
    }
    return { store: Object.assign(Object.create(store), { prepare }), asked: () => asked }
  }
  const leadOn = (store: Store) =>
    createLead({ stores: [{ name: 'disk', store }], writes: 1, alone: true, lookMs: 5, outbox, log })

  test('asks it again, for nobody else could lead', async () => {
    const { store, asked } = failing(4)
    const lead = leadOn(store)
    await lead.begin(async () => {})
    assert.deepEqual([lead.isServing(), asked()], [true, 5])
    await lead.close()
    await store.close()
  })

  test('says in the end what it got to hear', async () => {
    const { store, asked } = failing(1_000)
    const lead = leadOn(store)
    await assert.rejects(
      lead.begin(async () => {}),
      /the journal can not be written: .*the disk is busy/,
    )
    assert.equal(asked(), 10)
    await lead.close()
    await store.close()
  })
})
