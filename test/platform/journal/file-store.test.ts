import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { type Disk, openFolder } from '../../../src/platform/journal/disk.ts'
import { openFileStore } from '../../../src/platform/journal/file-store.ts'
import { frameBytesOf, SECTOR_BYTES } from '../../../src/platform/journal/frame.ts'
import { type JournalRecord, recordAfter, START } from '../../../src/platform/journal/record.ts'
import { overwrite, reopened, segment, written } from './folders.ts'
import { chainFrom, newId, openFiles, readAll, SEGMENT_BYTES, temporaryFolder } from './support.ts'

/** A record of several sectors. */
const large = (end: Parameters<typeof recordAfter>[0]): JournalRecord => recordAfter(end, 1, 'batch', 'x'.repeat(1_500))

describe('a journal in files', () => {
  test('cuts a tail that was not written to its end, and goes on there', async (t) => {
    const [first] = chainFrom(START, 1, 1)
    assert.ok(first)
    for (const lost of [0, 1, 2, 3]) {
      const folder = await written(t, [first, large(first)])
      const before = await openFiles(folder)
      const { id } = before
      await before.close()
      await overwrite(segment(folder, 0), SECTOR_BYTES * (1 + lost), new Uint8Array(SECTOR_BYTES))
      const store = await reopened(t, folder)
      assert.deepEqual([store.opened, store.id], ['torn', id], `sector ${lost} of the tail is zeros`)
      assert.deepEqual(await readAll(store), [first])
      const records = chainFrom(first, 1, 3)
      assert.equal((await store.append({ epoch: 1, after: first, records })).kind, 'stored')
      assert.deepEqual(await readAll(store), [first, ...records])
    }
  })

  test('knows a record that was whole once, keeps what is before it, and is another store from then on', async (t) => {
    const records = chainFrom(START, 1, 30)
    for (const [index, at] of [
      [19, 110], // a header's checksum would not tell: this is the body
      [19, 20],
      [16, 20], // the first one of the last segment
      [29, 110], // the last one: no record behind it shows that it was acknowledged
    ] as const) {
      const folder = await written(t, records)
      const place = index * SECTOR_BYTES + at
      await overwrite(segment(folder, Math.floor(place / SEGMENT_BYTES)), place % SEGMENT_BYTES, Buffer.from([0x7f]))
      const store = await reopened(t, folder)
      assert.equal(store.opened, 'lost', `record ${index + 1}, byte ${at}`)
      assert.deepEqual(await readAll(store), records.slice(0, index))
      const again = await openFiles(folder)
      assert.deepEqual([again.opened, again.id], ['whole', store.id])
      assert.deepEqual(await again.prepare(1), { kind: 'fenced', promised: 1 })
      await again.close()
    }
  })

  test('does not take a hole that later records lie behind for a torn tail', async (t) => {
    const folder = await written(t, chainFrom(START, 1, 12))
    await overwrite(segment(folder, 0), 5 * SECTOR_BYTES, new Uint8Array(SECTOR_BYTES))
    assert.equal((await reopened(t, folder)).opened, 'lost')
  })

  test('has lost its promise when a bit of it turns', async (t) => {
    const folder = await written(t, chainFrom(START, 1, 3))
    const path = join(folder, 'store.json')
    await writeFile(path, (await readFile(path, 'utf8')).replace('"promised":1', '"promised":0'))
    assert.equal((await reopened(t, folder)).opened, 'lost')
  })

  test('has lost its vote with the file of its promise', async (t) => {
    const records = chainFrom(START, 1, 3)
    for (const spoil of [
      (path: string) => rm(path),
      (path: string) => writeFile(path, '{'),
      (path: string) => writeFile(path, '{}'),
    ]) {
      const folder = await written(t, records)
      await spoil(join(folder, 'store.json'))
      const store = await reopened(t, folder)
      assert.equal(store.opened, 'lost')
      assert.deepEqual(await readAll(store), records)
    }
  })

  test('ends a cut that was begun when the process died', async (t) => {
    const records = chainFrom(START, 1, 30)
    const folder = await written(t, records)
    const path = join(folder, 'store.json')
    await writeFile(
      path,
      JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), cut: 4, sealed: null, hash: undefined }),
    )
    // Zeros came to the disk from behind, or in the middle: it makes no difference.
    await overwrite(segment(folder, 0), 6 * SECTOR_BYTES, new Uint8Array(SECTOR_BYTES))
    const store = await reopened(t, folder)
    assert.equal(store.opened, 'whole')
    assert.deepEqual(await readAll(store), records.slice(0, 4))
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.endsWith('.segment')),
      ['00000000.segment'],
    )
  })

  test('leaves no file that a crash has left half made', async (t) => {
    const records = chainFrom(START, 1, 3)
    const folder = await written(t, records)
    await writeFile(join(folder, '00000001.segment.draft'), 'half')
    await writeFile(join(folder, 'store.json.0f.draft'), '{"sto')
    const store = await reopened(t, folder)
    assert.deepEqual([store.opened, await readAll(store)], ['whole', records])
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.endsWith('.draft')),
      [],
    )
  })

  test('is left as it lies when it has lost something, and is the only one of its journal', async (t) => {
    const folder = await temporaryFolder(t)
    const store = await openFiles(folder)
    const voters = recordAfter(START, 1, 'voters', JSON.stringify({ stores: [store.id], writes: 1, before: null }))
    await store.append({ epoch: 1, after: START, records: [voters, ...chainFrom(voters, 1, 10)] })
    await store.close()
    await overwrite(segment(folder, 0), 5 * SECTOR_BYTES + 110, Buffer.from('rot'))
    const before = await readFile(segment(folder, 0))
    await assert.rejects(openFiles(folder), /only store has lost what was behind record 5/)
    assert.deepEqual(await readFile(segment(folder, 0)), before)
  })

  test('does nothing more once it is closed, not even what was asked for meanwhile', async (t) => {
    const folder = await temporaryFolder(t)
    const store = await openFiles(folder)
    const [first] = chainFrom(START, 1, 1)
    assert.ok(first)
    const closing = store.close()
    await assert.rejects(store.append({ epoch: 1, after: START, records: [first] }), /has ended/)
    await closing
    assert.deepEqual(await readAll(await reopened(t, folder)), [])
  })

  test('finds what is spoilt while it is read, and ends', async (t) => {
    const records = chainFrom(START, 1, 4)
    const folder = await written(t, records)
    const store = await reopened(t, folder)
    await overwrite(segment(folder, 0), SECTOR_BYTES + 120, Buffer.from('rot'))
    await assert.rejects(readAll(store), /spoilt/)
    await assert.rejects(store.prepare(9), /has ended/)
  })
})

describe('a disk that fails', () => {
  /** A real folder of which one call fails while it is armed. */
  async function failing(t: TestContext, call: 'sync' | 'write' | 'create' | 'replace', message: string) {
    const folder = await temporaryFolder(t)
    const disk = await openFolder(folder)
    let armed = false
    const broken: Disk = {
      ...disk,
      [call]: async (...args: never[]) => {
        if (armed) throw new Error(message)
        return (disk[call] as (...given: never[]) => Promise<void>)(...args)
      },
    }
    const store = await openFileStore(broken, { newId, segmentBytes: SEGMENT_BYTES })
    t.after(() => store.close())
    return {
      ...{ folder, store },
      arm: (on: boolean) => {
        armed = on
      },
    }
  }

  for (const call of ['sync', 'write', 'replace'] as const) {
    test(`to ${call} is asked nothing more, and what was acknowledged is there when it is opened anew`, async (t) => {
      const { folder, store, arm } = await failing(t, call, 'EIO')
      const records = chainFrom(START, 1, 3)
      const [first, ...others] = records
      assert.ok(first)
      await store.append({ epoch: 1, after: START, records: [first] })
      arm(true)
      await assert.rejects(store.append({ epoch: 2, after: first, records: others }), /EIO/)
      arm(false)
      for (const again of [() => store.append({ epoch: 2, after: first, records: others }), () => store.prepare(9)]) {
        await assert.rejects(again(), /has ended/)
      }
      assert.deepEqual((await readAll(await reopened(t, folder)))[0], first)
    })
  }

  test('that takes a part of a segment, and has no room for the rest, makes none', async (t) => {
    const folder = await temporaryFolder(t)
    const url = new URL('../../../src/platform/journal/disk.ts', import.meta.url)
    const script = `
      const { openFolder } = await import(${JSON.stringify(url.href)})
      const disk = await openFolder(${JSON.stringify(folder)})
      await disk.create('00000000.segment', 1_000_000).then(() => console.log('made'), ({ code }) => console.log(code))`
    // The last block that fits is taken without an error: of a file's limit as of a disk that gets full.
    const sh = ['-c', 'ulimit -f 100 && exec "$0" --input-type=module -e "$1"', process.execPath, script]
    const { stdout } = await promisify(execFile)('sh', sh)
    assert.equal(stdout, 'EFBIG\n')
    assert.deepEqual(await readdir(folder), [])
  })

  test('for want of room takes the records once there is some', async (t) => {
    const { store, arm } = await failing(t, 'create', 'ENOSPC')
    const full = chainFrom(START, 1, SEGMENT_BYTES / SECTOR_BYTES)
    await store.append({ epoch: 1, after: START, records: full.slice(0, 3) })
    arm(true)
    await store.append({ epoch: 1, after: START, records: full })
    const end = full.at(-1)
    assert.ok(end)
    assert.equal(frameBytesOf(end), SECTOR_BYTES)
    const more = chainFrom(end, 1, 1)
    await assert.rejects(store.append({ epoch: 1, after: end, records: more }), /ENOSPC/)
    arm(false)
    assert.equal((await store.append({ epoch: 1, after: end, records: more })).kind, 'stored')
    assert.deepEqual(await readAll(store), [...full, ...more])
  })
})
