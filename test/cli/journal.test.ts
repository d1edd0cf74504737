import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { createJournal } from '../../src/platform/journal/journal.ts'
import { systemTimers } from '../../src/platform/journal/timers.ts'
import { LIMITS, openFiles, readAll, temporaryFolder } from '../platform/journal/support.ts'
import { runCli } from '../support/cli.ts'

const RECORDS = 60

/** Leads a journal in these folders, and appends numbers until it has so many. @returns those that it found */
async function appendTo(folders: readonly string[], count: number): Promise<readonly number[]> {
  const stores = await Promise.all(folders.map(openFiles))
  const journal = createJournal({ stores, writes: 2, timers: systemTimers, limits: LIMITS })
  let answer = await journal.lead()
  while (answer.kind !== 'leading') answer = await journal.lead()
  const { leadership } = answer
  const found = await Array.fromAsync(leadership.replay(0), ({ body }) => Number(body))
  for (let n = found.length + 1; n <= count; n++) assert.equal((await leadership.append(String(n))).kind, 'ok')
  while (leadership.state().stores.some(({ matched }) => matched < leadership.state().end)) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  leadership.resign('enough')
  await Promise.all(stores.map((store) => store.close()))
  return found
}

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
    assert.match((await restore('other')).stderr, /is not empty/)
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
