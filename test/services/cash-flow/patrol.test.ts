import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { JournalStore } from '../../../src/platform/journal/store.ts'
import { asOperator } from '../../support/caller.ts'
import { eventually } from '../../support/edge-calls.ts'
import { openFreshPglite } from '../../support/stores.ts'
import { alice, type CashFlowUnderTest, fromAlice, key, openCashFlow } from './cash-flow.ts'
import { type JournalUnderTest, openJournal } from './kept-in-stores.ts'

type Seat = {
  readonly store: string
  readonly matched: number
  readonly votes: boolean
  readonly scrubbed: { readonly read: number; readonly fault: string | null } | null
}

/** Early ones, of which nobody reads any again. */
const SPOILT_SECTORS = 16
const SECTOR_BYTES = 512

describe('a record that was spoilt where nobody reads any more', () => {
  let journal: JournalUnderTest
  let under: CashFlowUnderTest
  /** As a database would tell it; a store in files would end. */
  let isSpoilt = false
  let isAway = false
  let reads = 0
  before(async () => {
    journal = await openJournal(3, 2)
    const stores = journal.journal.stores.map(({ name, store }, place) => {
      return { name, store: place === 1 ? spoiling(store, reading) : store }
    })
    under = await openCashFlow(await openFreshPglite(), {
      journal: { ...journal.journal, stores, pace: { stepMs: 2, roundRestSteps: 5, faultRestSteps: 40 } },
    })
    for (const nth of ['first', 'second', 'third']) await move(nth)
  })
  after(async () => {
    await under.close()
    await journal.remove()
  })

  /** Whether what it reads is spoilt. @throws Error while the store is away */
  function reading(): boolean {
    reads += 1
    if (isAway) throw new Error('nobody answers')
    return isSpoilt
  }
  async function move(nth: string): Promise<void> {
    const answer = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('1.00'), headers: key(nth) })
    assert.equal(answer.status, 201, answer.text)
  }
  const seat = async (place: number): Promise<Seat> => {
    return (await under.call('GET', '/v1/ledger/journal', asOperator)).body.stores[place]
  }

  test('is found by the leader while it has nothing to do, and the store is filled anew', async () => {
    const before = await seat(0)
    const segment = await open(join(journal.folders[0] ?? '', '00000000.segment'), 'r+')
    for (let sector = 1; sector < SPOILT_SECTORS; sector++) await segment.write('spoilt', SECTOR_BYTES * sector + 100)
    await segment.close()
    const anew = await eventually('another store has its place', async () => {
      const now = await seat(0)
      return now.store !== before.store && now.votes && now.scrubbed === null && now
    })
    assert.ok(anew.matched >= before.matched)
    await move('fourth')
  })

  test('is not taken for spoilt where the store could not be read', async () => {
    isAway = true
    const readBefore = reads
    await eventually('it was tried again', async () => reads > readBefore + 1)
    assert.equal((await seat(1)).scrubbed, null)
    isAway = false
  })

  test('is told of, where it does not end the store, until it is there again', async () => {
    isSpoilt = true
    const told = await eventually('it is told', async () => (await seat(1)).scrubbed)
    assert.match(told.fault ?? '', /not as it was hashed/)
    assert.equal((await seat(2)).scrubbed, null)
    isSpoilt = false
    await eventually('it is well', async () => (await seat(1)).scrubbed === null)
    assert.equal((await seat(1)).votes, true)
  })
})

/** What it has, but while it is spoilt one of its first records with another text. */
function spoiling(store: JournalStore, reading: () => boolean): JournalStore {
  const read: JournalStore['read'] = async (after, bytesMax) => {
    const isSpoilt = reading()
    const answer = await store.read(after, bytesMax)
    const spoil = ({ body, ...record }: (typeof answer.records)[number]) => ({
      ...record,
      body: record.seq === 2 && isSpoilt ? `${body} ` : body,
    })
    return { ...answer, records: answer.records.map(spoil) }
  }
  return { prepare: (epoch) => store.prepare(epoch), append: (request) => store.append(request), read }
}
