import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { openFolder } from '../../src/platform/journal/disk.ts'
import { openFileStore } from '../../src/platform/journal/file-store.ts'
import { recordAfter, START } from '../../src/platform/journal/record.ts'
import { appendNumbers, newId, openFiles, readAll, temporaryFolder } from '../platform/journal/support.ts'
import { MAIN, runCli } from '../support/cli.ts'

const RECORDS = 60

const appendTo = async (folders: readonly string[], count: number): Promise<readonly number[]> =>
  appendNumbers(await Promise.all(folders.map(openFiles)), count)

async function written(t: TestContext): Promise<string[]> {
  const folders = await Promise.all([1, 2, 3].map(() => temporaryFolder(t)))
  await appendTo(folders, RECORDS)
  return folders
}

/** Turns a byte of the body of a record. */
async function spoil(folder: string, index: number): Promise<void> {
  const path = join(folder, '00000000.segment')
  const bytes = await readFile(path)
  const at = index * 512 + 104
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(path, bytes)
}

describe('tidegate journal', () => {
  test('verify reads all stores and changes none', async (t) => {
    const folders = await written(t)
    const before = await Promise.all(folders.map((folder) => readdir(folder)))
    const { code, stdout } = await runCli(['journal', 'verify', ...folders, '--json'])
    assert.equal(code, 0)
    const { held, stores } = JSON.parse(stdout)
    assert.equal(held, RECORDS + 1) // and the founding one
    for (const store of stores) {
      assert.deepEqual([store.fault, store.votes, store.records, store.agrees], ['nothing', true, held, held])
    }
    assert.deepEqual(await Promise.all(folders.map((folder) => readdir(folder))), before)
  })

  test('verify says which store has lost something, and how far it goes', async (t) => {
    const folders = await written(t)
    await spoil(folders[1] as string, 7)
    const { code, stdout } = await runCli(['journal', 'verify', ...folders, '--json'])
    assert.equal(code, 1)
    const { held, stores } = JSON.parse(stdout)
    assert.equal(held, RECORDS + 1)
    assert.deepEqual([stores[1].fault, stores[1].records, stores[1].agrees], ['lost', 7, 7])
    const text = await runCli(['journal', 'verify', ...folders])
    assert.match(text.stdout, /7 records +lost/)
    await spoil(folders[2] as string, 9)
    const none = await runCli(['journal', 'verify', ...folders])
    assert.equal(none.code, 1)
    assert.match(none.stdout, /too few stores are whole/)
  })

  test('verify tells a store of another journal', async (t) => {
    const [folders, [stranger]] = [await written(t), await written(t)]
    const { code, stdout } = await runCli(['journal', 'verify', ...folders.with(2, stranger ?? '')])
    assert.equal(code, 1)
    assert.match(stdout, /61 records +of another journal +no vote/)
  })

  test('a backup restored onto empty stores is the journal again, and goes on', async (t) => {
    const folders = await written(t)
    const file = join(await temporaryFolder(t), 'backup')
    await spoil(folders[0] as string, 3)
    const backup = await runCli(['journal', 'backup', file, ...folders, '--json'])
    assert.equal(backup.code, 0, backup.stderr)
    assert.equal(JSON.parse(backup.stdout).records, RECORDS + 1)

    const parent = await temporaryFolder(t)
    const fresh = ['a', 'b', 'c'].map((name) => join(parent, name))
    const restored = await runCli(['journal', 'restore', file, ...fresh, '--writes', '2', '--json'])
    assert.equal(restored.code, 0, restored.stderr)
    const stores = await Promise.all(fresh.map(openFiles))
    const [one, two] = await Promise.all(stores.map(readAll))
    assert.deepEqual(one, two)
    const numbers = one?.flatMap(({ kind, body }) => (kind === 'batch' ? [Number(body)] : []))
    assert.deepEqual(
      numbers,
      Array.from({ length: RECORDS }, (_, index) => index + 1),
    )
    await Promise.all(stores.map((store) => store.close()))
    const again = await runCli(['journal', 'verify', ...fresh, '--json'])
    assert.equal(JSON.parse(again.stdout).held, RECORDS + 2) // and the record of the new stores' votes
    assert.equal((await appendTo(fresh, RECORDS + 5)).length, RECORDS)
  })

  test('a backup that is not whole, and a folder that is not empty, are refused', async (t) => {
    const folders = await written(t)
    const parent = await temporaryFolder(t)
    const file = join(parent, 'backup')
    assert.equal((await runCli(['journal', 'backup', file, ...folders])).code, 0)
    const lines = (await readFile(file, 'utf8')).split('\n')
    const restore = (name: string) => runCli(['journal', 'restore', file, join(parent, name), '--writes', '1'])
    await writeFile(file, lines.slice(0, -5).join('\n'))
    assert.match((await restore('short')).stderr, /ends at record \d+, and had 61/)
    await writeFile(file, lines.with(9, (lines[9] ?? '').replace('"body":"', '"body":"1')).join('\n'))
    assert.match((await restore('changed')).stderr, /spoilt/)
    await writeFile(file, '{"some":"file"}\n')
    assert.match((await restore('other')).stderr, /no backup/)
    for (const other of ['', 'no JSON\n']) {
      await writeFile(file, other)
      assert.match((await restore('other')).stderr, /no backup/)
    }
    assert.deepEqual(await readdir(parent), ['backup'], 'nothing was begun')
    await writeFile(file, lines.join('\n'))
    const both = await Promise.all([restore('once'), restore('once')])
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 1], both.map(({ stderr }) => stderr).join())
    assert.match((await restore('once')).stderr, /is not empty/)
    const cut = ['-c', 'ulimit -f 100 && exec "$0" "$@"', process.execPath, MAIN, 'journal', 'restore', file]
    await assert.rejects(promisify(execFile)('sh', [...cut, join(parent, 'full'), '--writes', '1']), /EFBIG/)
    assert.deepEqual(
      await readdir(join(parent, 'full')),
      ['owner.lock'],
      'a restore for which there is no room is none',
    )
    assert.equal((await runCli(['journal', 'restore', `${file}-none`, join(parent, 'x'), '--writes', '1'])).code, 1)
  })

  test('a backup for whose last record there is no room is none', async (t) => {
    const folder = await temporaryFolder(t)
    const store = await openFileStore(await openFolder(folder), { newId })
    const voters = recordAfter(START, 1, 'voters', JSON.stringify({ stores: [store.id], writes: 1, before: null }))
    const large = recordAfter(voters, 1, 'batch', 'x'.repeat(200_000))
    await store.append({ epoch: 1, after: START, records: [voters, large] })
    await store.close()
    const file = join(await temporaryFolder(t), 'backup')
    const sh = ['-c', 'ulimit -f 100 && exec "$0" "$@"', process.execPath, MAIN, 'journal', 'backup', file, folder]
    await assert.rejects(promisify(execFile)('sh', sh), /EFBIG/)
    await assert.rejects(readFile(file), /ENOENT/)
  })

  test('asks for what it needs', async () => {
    for (const args of [
      [],
      ['verify'],
      ['backup'],
      ['restore', 'f', 'a'],
      ['restore', 'f', 'a', '--writes', '2'],
      ['mend', 'x'],
    ]) {
      assert.equal((await runCli(['journal', ...args])).code, 2, args.join(' '))
    }
    assert.equal((await runCli(['journal', 'verify', 'there-is-no-such-folder'])).code, 1)
  })
})
