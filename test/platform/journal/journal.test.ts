import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, test } from 'node:test'
import type { FileStore } from '../../../src/platform/journal/file-store.ts'
import { filePlace, openFiles, postgresPlace, readAll } from './support.ts'
import { appendAll, bodies, files, journalOf, lead, numbersTo, until, Way } from './ways.ts'

describe('a journal in three stores, written to two', () => {
  test('answers in order, is the same everywhere, and is read back from any place', async (t) => {
    const { stores, ways } = await files(t, 3)
    const leadership = await lead(t, journalOf(ways, 2))
    await appendAll(leadership, 1, 50)
    assert.deepEqual(await bodies(leadership.replay(0)), numbersTo(50))
    assert.deepEqual(await bodies(leadership.replay(41)), numbersTo(50).slice(40)) // record 1 is the founding one
    await until(() => leadership.state().stores.every(({ matched }) => matched === 51))
    const [one, two, three] = await Promise.all(stores.map(readAll))
    assert.deepEqual(one, two)
    assert.deepEqual(one, three)
  })

  test('goes on without one store, and fills it again when it is back', async (t) => {
    const { stores, ways } = await files(t, 3)
    const leadership = await lead(t, journalOf(ways, 2))
    const [way] = ways
    assert.ok(way)
    way.isCut = true
    await appendAll(leadership, 1, 80)
    assert.match(leadership.state().stores[0]?.failure ?? '', /refused/)
    way.isCut = false
    await until(() => leadership.state().stores[0]?.matched === 81)
    assert.deepEqual(await readAll(stores[0] as FileStore), await readAll(stores[1] as FileStore))
  })

  test('stops when two are away: what was under way is unknown, what comes later rejected; the next leader finds out', async (t) => {
    const { ways } = await files(t, 3)
    const journal = journalOf(ways, 2, { patienceMs: 200, answerMs: 100 })
    const leadership = await lead(t, journal)
    await appendAll(leadership, 1, 5)
    for (const way of ways.slice(1)) way.isCut = true
    assert.deepEqual(await leadership.append('6'), { kind: 'unknown' })
    assert.equal((await leadership.append('7')).kind, 'rejected')
    assert.match(leadership.ending?.why ?? '', /too few/)
    assert.equal((await journal.lead()).kind, 'not_leading')
    for (const way of ways) way.isCut = false
    const next = await lead(t, journal)
    const found = await bodies(next.replay(0))
    assert.deepEqual(found.slice(0, 5), numbersTo(5))
    assert.ok(found.length === 5 || (found.length === 6 && found[5] === '6'))
  })

  test('has one leader: whoever is overtaken commits nothing more, and says that it does not know', async (t) => {
    const { ways } = await files(t, 3)
    const old = await lead(t, journalOf(ways, 2))
    await appendAll(old, 1, 3)
    const next = await lead(t, journalOf(ways, 2))
    assert.notEqual((await old.append('by the old one')).kind, 'ok')
    await appendAll(next, 4, 6)
    assert.deepEqual(await bodies(next.replay(0)), numbersTo(6))
    assert.match(old.ending?.why ?? '', /another leader/)
  })

  test('two that fight for the lead lose and double nothing', async (t) => {
    const { ways } = await files(t, 3)
    const acknowledged: string[] = []
    const fight = async (name: string): Promise<void> => {
      const journal = journalOf(ways, 2)
      for (let round = 0; round < 6; round++) {
        const answer = await journal.lead()
        if (answer.kind !== 'leading') continue
        for (let n = 0; n < 5; n++) {
          const body = `${name}${round}-${n}`
          if ((await answer.leadership.append(body)).kind === 'ok') acknowledged.push(body)
        }
        answer.leadership.resign('somebody else may')
      }
    }
    await Promise.all([fight('a'), fight('b')])
    const all = await bodies((await lead(t, journalOf(ways, 2))).replay(0))
    assert.equal(new Set(all).size, all.length)
    for (const body of acknowledged) assert.ok(all.includes(body), body)
  })

  test('a wiped store has no vote until it has everything, under a new name', async (t) => {
    const { folders, stores, ways } = await files(t, 3)
    const leadership = await lead(t, journalOf(ways, 2))
    await appendAll(leadership, 1, 30)
    const [folder, way] = [folders[2] ?? '', ways[2]]
    assert.ok(way)
    way.isCut = true
    const before = stores[2]?.id
    await stores[2]?.close()
    await rm(folder, { recursive: true })
    const wiped = await openFiles(folder)
    t.after(() => wiped.close())
    way.store = wiped

    const [first] = ways
    assert.ok(first)
    leadership.resign('to be led anew, by those that are there')
    way.isCut = false
    first.isCut = true
    const journal = journalOf(ways, 2, { answerMs: 300 })
    for (let attempt = 0; attempt < 3; attempt++) {
      const answer = await journal.lead()
      assert.ok(answer.kind === 'not_leading', 'one store with a vote and a wiped one are no quorum')
    }
    first.isCut = false
    const next = await lead(t, journal)
    await appendAll(next, 31, 40)
    await until(() => next.state().stores[2]?.votes === true)
    assert.notEqual(wiped.id, before)
    assert.equal(next.state().stores[2]?.store, wiped.id)

    first.isCut = true // now the one that was wiped is one of the two
    await appendAll(next, 41, 45)
    assert.deepEqual(await bodies(next.replay(0)), numbersTo(45))
  })

  test('is not founded in two of three stores, nor led with other numbers than it was founded with', async (t) => {
    const { ways } = await files(t, 3)
    const [way] = ways
    assert.ok(way)
    way.isCut = true
    const answer = await journalOf(ways, 2, { answerMs: 300 }).lead()
    assert.ok(answer.kind === 'not_leading')
    assert.match(answer.why, /of 3 stores these have promised: 1, 2/)
    way.isCut = false
    await appendAll(await lead(t, journalOf(ways, 2)), 1, 1)
    const other = journalOf(ways, 3)
    await assert.rejects(async () => {
      for (let attempt = 0; attempt < 5; attempt++) await other.lead()
    }, /written to 2 of 3 stores, not to 3 of 3/)
  })

  test('takes no more than so many records at once, and says so before it has sent anything', async (t) => {
    const { ways } = await files(t, 3)
    const leadership = await lead(t, journalOf(ways, 2, { underWayMax: 3 }))
    const outcomes = await Promise.all(numbersTo(5).map((body) => leadership.append(body)))
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['ok', 'ok', 'ok', 'rejected', 'rejected'],
    )
    assert.deepEqual(await bodies(leadership.replay(0)), numbersTo(3))
  })
})

describe('stores of both kinds', () => {
  const skip =
    process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'
  test('two databases and a file keep one journal', { skip }, async (t) => {
    const places = await Promise.all([postgresPlace(), postgresPlace(), filePlace(t)])
    const stores = await Promise.all(places.map((place) => place.open()))
    t.after(() => Promise.all(stores.map((store) => store.close())))
    const ways = stores.map((store) => new Way(store))
    const leadership = await lead(t, journalOf(ways, 2))
    await appendAll(leadership, 1, 60)
    const [way] = ways
    assert.ok(way)
    way.isCut = true
    const next = await lead(t, journalOf(ways, 2))
    await appendAll(next, 61, 90)
    way.isCut = false
    await until(() => next.state().stores.every(({ matched }) => matched === next.state().end))
    assert.deepEqual(await bodies(next.replay(0)), numbersTo(90))
    const [one, two, three] = await Promise.all(stores.map(readAll))
    assert.deepEqual(one, two)
    assert.deepEqual(one, three)
  })
})
