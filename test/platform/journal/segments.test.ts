import assert from 'node:assert/strict'
import { readdir, readFile, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Disk, openFolder } from '../../../src/platform/journal/disk.ts'
import { openFileStore } from '../../../src/platform/journal/file-store.ts'
import { SECTOR_BYTES } from '../../../src/platform/journal/frame.ts'
import { START } from '../../../src/platform/journal/record.ts'
import { overwrite, reopened, segment, written } from './folders.ts'
import { chainFrom, newId, readAll, SEGMENT_BYTES } from './support.ts'

describe('a journal in several segments', () => {
  test('goes on in segments of one length, each made before it is written to', async (t) => {
    const records = chainFrom(START, 1, 40)
    const folder = await written(t, records)
    const names = (await readdir(folder)).filter((name) => name.endsWith('.segment')).sort()
    assert.equal(names.length, Math.ceil((40 * SECTOR_BYTES) / SEGMENT_BYTES))
    for (const name of names) assert.equal((await readFile(join(folder, name))).length, SEGMENT_BYTES)
    const store = await reopened(t, folder)
    assert.equal(store.opened, 'whole')
    assert.deepEqual(await readAll(store), records)
  })

  test('knows that a segment is gone, be it the first, one between or the last', async (t) => {
    for (const index of [0, 1, 2]) {
      const folder = await written(t, chainFrom(START, 1, 40))
      await rm(segment(folder, index))
      assert.equal((await reopened(t, folder)).opened, 'lost', `segment ${index}`)
    }
  })

  test('is opened by its last segment alone, and has all of them', async (t) => {
    const records = chainFrom(START, 1, 40)
    const folder = await written(t, records)
    const disk = await openFolder(folder)
    const whole: string[] = []
    const sectors: string[] = []
    const watched: Disk = {
      ...disk,
      read(name) {
        whole.push(name)
        return disk.read(name)
      },
      readAt(name, at, length) {
        sectors.push(`${name} ${at} ${length}`)
        return disk.readAt(name, at, length)
      },
    }
    const store = await openFileStore(watched, { newId, segmentBytes: SEGMENT_BYTES })
    t.after(() => store.close())
    assert.deepEqual(whole, ['store.json', '00000002.segment'])
    assert.deepEqual(sectors.slice(0, 2), ['00000000.segment 0 512', '00000001.segment 0 512'])
    assert.equal(store.opened, 'whole')
    assert.deepEqual(await readAll(store), records)
    const last = records.at(-1)
    assert.ok(last)
    assert.equal((await store.append({ epoch: 1, after: last, records: chainFrom(last, 1, 30) })).kind, 'stored')
    const base = records[7]
    assert.ok(base)
    await store.append({ epoch: 2, after: base, records: chainFrom(base, 2, 3) })
    assert.deepEqual(await readAll(store), [...records.slice(0, 8), ...chainFrom(base, 2, 3)])
    assert.deepEqual(await readAll(await reopened(t, folder)), await readAll(store))
  })

  test('a record that is spoilt in a segment before the last is found when it is read, and lost when it is opened anew', async (t) => {
    const records = chainFrom(START, 1, 40)
    for (const [index, at, after] of [
      [5, 110, 0],
      [5, 20, 0], // where each record lies is read off the headers
      [20, 20, 20],
    ] as const) {
      const folder = await written(t, records)
      const place = index * SECTOR_BYTES + at
      const store = await reopened(t, folder)
      await overwrite(segment(folder, Math.floor(place / SEGMENT_BYTES)), place % SEGMENT_BYTES, Buffer.from([0x7f]))
      await assert.rejects(store.read(after, 1_000_000), /spoilt/)
      await assert.rejects(store.prepare(9), /has ended/)
      await store.close()
      const again = await reopened(t, folder)
      assert.equal(again.opened, 'lost')
      assert.notEqual(again.id, store.id)
      assert.deepEqual(await readAll(again), records.slice(0, index))
    }
  })

  test('holds few files open, however many it has', async (t) => {
    const folder = await written(t, chainFrom(START, 1, 16 * 40))
    const store = await reopened(t, folder)
    assert.equal((await readAll(store)).length, 16 * 40)
    const open = async () => (await readdir('/proc/self/fd').catch(() => [])).map((fd) => `/proc/self/fd/${fd}`)
    const links = await Promise.all((await open()).map((fd) => readlink(fd).catch(() => '')))
    assert.ok(links.filter((link) => link.startsWith(folder)).length <= 16)
  })

  test('reads every segment when what was noted of them is not so', async (t) => {
    const records = chainFrom(START, 1, 40)
    const folder = await written(t, records)
    await overwrite(segment(folder, 1), 20, Buffer.from([0x7f])) // a header that is looked at
    const store = await reopened(t, folder)
    assert.equal(store.opened, 'lost')
    assert.deepEqual(await readAll(store), records.slice(0, 16))
  })
})
