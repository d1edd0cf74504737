import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { describe, test } from 'node:test'
import type { FileStore } from '../../../src/platform/journal/file-store.ts'
import { openFiles, readAll, temporaryFolder } from './support.ts'
import { appendAll, bodies, files, journalOf, lead, numbersTo, until, type Way } from './ways.ts'

describe('among the stores of a journal', () => {
  test('a store that is named at two places has one vote, and says so', async (t) => {
    const { ways } = await files(t, 3)
    const [one, two, three] = ways
    assert.ok(one && two && three)
    ;(await lead(t, journalOf(ways, 2))).resign('to be led with another configuration')
    const leadership = await lead(t, journalOf([one, two, one], 2, { patienceMs: 400, answerMs: 200 }))
    await appendAll(leadership, 1, 5)
    await until(() => /it is the store of place 0/.test(leadership.state().stores[2]?.failure ?? ''))
    assert.deepEqual(
      leadership.state().stores.map(({ votes }) => votes),
      [true, true, false],
    )
    two.isCut = true
    assert.equal((await leadership.append('in one store alone')).kind, 'unknown')
  })

  test('a store of another journal that took the place of one is left as it is, and named', async (t) => {
    const [own, other] = [await files(t, 3), await files(t, 3)]
    const theirs = await lead(t, journalOf(other.ways, 2))
    await appendAll(theirs, 1, 20)
    theirs.resign('a store of it is put into another journal')
    const [stranger] = other.stores as [FileStore]
    const before = await readAll(stranger)
    for (let n = 0; n < 3; n++) (await lead(t, journalOf(own.ways, 2))).resign('to have a newer epoch than theirs')
    const leadership = await lead(t, journalOf(own.ways, 2))
    ;(own.ways[2] as Way).store = stranger
    await appendAll(leadership, 1, 5)
    await until(() => /another journal/.test(leadership.state().stores[2]?.failure ?? ''))
    await appendAll(leadership, 6, 10)
    assert.deepEqual(await readAll(stranger), before)
  })

  test('a store that has spoilt a record, and does not know, keeps none from being filled', async (t) => {
    const { folders, stores, ways } = await files(t, 3)
    const [one, , three] = ways
    assert.ok(one && three)
    const old = await lead(t, journalOf(ways, 2))
    await appendAll(old, 1, 30)
    old.resign('whoever comes next remembers nothing, and has to read')
    one.read = async (after, bytesMax) => {
      const { store, records } = await (stores[0] as FileStore).read(after, bytesMax)
      return { store, records: records.map((record) => (record.seq === 7 ? { ...record, body: 'rot' } : record)) }
    }
    await stores[2]?.close()
    await rm(folders[2] ?? '', { recursive: true })
    const wiped = await openFiles(folders[2] ?? '')
    t.after(() => wiped.close())
    three.store = wiped
    const leadership = await lead(t, journalOf(ways, 2))
    await until(() => leadership.state().stores[2]?.votes === true)
    assert.deepEqual(await readAll(wiped), await readAll(stores[1] as FileStore))
    assert.deepEqual(await bodies(leadership.replay(0)), numbersTo(30))
  })

  test('an old copy of a store that is put back while it is led counts for nothing, and is named', async (t) => {
    const { folders, stores, ways } = await files(t, 3)
    const old = await lead(t, journalOf(ways, 2))
    await appendAll(old, 1, 5)
    await until(() => old.state().stores.every(({ matched }) => matched === 6))
    old.resign('a copy is made')
    const copy = await temporaryFolder(t)
    await cp(folders[2] ?? '', copy, { recursive: true })
    const leadership = await lead(t, journalOf(ways, 2))
    await appendAll(leadership, 6, 20)
    await until(() => leadership.state().stores.every(({ matched }) => matched === leadership.state().end))
    const copied = await openFiles(copy)
    assert.equal(copied.id, stores[2]?.id)
    ;(ways[2] as Way).store = copied
    await appendAll(leadership, 21, 25)
    await until(() => /lost what it had acknowledged/.test(leadership.state().stores[2]?.failure ?? ''))
    assert.equal(leadership.state().stores[2]?.votes, false)
    await appendAll(leadership, 26, 30)
    leadership.resign('the copy is to go')
    await copied.close()
  })
})
