import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { createPolicyArchive, type PolicyArchive } from '../../src/edge/policy-archive.ts'
import { type HistoryEntry, openPolicyHistory, type PolicyHistory } from '../../src/edge/policy-history.ts'
import { sha256 } from '../../src/kernel/canonical-json.ts'
import { recordingLog } from '../support/recording-log.ts'

let folder: string
let history: PolicyHistory
let archive: PolicyArchive
let log: ReturnType<typeof recordingLog>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-history-'))
  log = recordingLog()
  history = await openPolicyHistory(folder, log.log)
  archive = createPolicyArchive(folder)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const digestOf = (name: string): string => `sha256:${sha256(name)}`
const entry = (name: string, over: Partial<HistoryEntry> = {}): HistoryEntry => ({
  at: '2026-03-01T12:00:00.000Z',
  digest: digestOf(name),
  why: 'edit',
  by: null,
  aside: null,
  ...over,
})
const blobs = () => readdir(join(folder, 'blobs'))

describe('the bundles that served', () => {
  const files = [
    { path: 'a.yaml', text: 'kind: access\r\n# ü\n' },
    { path: 'lists/b.txt', text: '\uFEFF203.0.113.0/24\n' },
  ]

  test('are read again to the letter, also after a restart', async () => {
    await archive.keep(digestOf('one'), files)
    assert.deepEqual(await history.read(digestOf('one')), files)
    assert.deepEqual(await (await openPolicyHistory(folder, log.log)).read(digestOf('one')), files)
    assert.deepEqual(log.lines, [])
  })

  test('share the texts that they have in common', async () => {
    await archive.keep(digestOf('one'), files)
    await archive.keep(digestOf('two'), [...files, { path: 'c.yaml', text: 'other\n' }])
    assert.equal((await blobs()).length, 3)
  })

  test('are kept once more in their newest words when they mean the same', async () => {
    const reworded = [{ path: 'a.yaml', text: 'kind: access # reworded\n' }]
    await archive.keep(digestOf('one'), files)
    await archive.keep(digestOf('one'), reworded)
    assert.deepEqual(await history.read(digestOf('one')), reworded)
  })

  test('leave no draft behind', async () => {
    await Promise.all([archive.keep(digestOf('one'), files), archive.keep(digestOf('two'), files)])
    assert.deepEqual((await blobs()).toSorted(), files.map(({ text }) => sha256(text)).toSorted())
  })

  test('are none when they never served, and a digest is no way out of the folder', async () => {
    assert.equal(await history.read(digestOf('none')), null)
    assert.equal(await history.read('sha256:../../etc/passwd'), null)
  })

  test('are not read when a text is gone, or another one lies in its place, and that is said', async () => {
    await archive.keep(digestOf('one'), files)
    const [first = ''] = await blobs()
    await writeFile(join(folder, 'blobs', first), 'something else')
    assert.equal(await history.read(digestOf('one')), null)
    await rm(join(folder, 'blobs', first))
    assert.equal(await history.read(digestOf('one')), null)
    assert.equal(log.lines.filter(({ msg }) => /kept bundle can not be read/.test(msg)).length, 2)
  })

  test('are mended by keeping them again', async () => {
    await archive.keep(digestOf('one'), files)
    await writeFile(join(folder, 'blobs', (await blobs())[0] ?? ''), 'torn')
    await archive.keep(digestOf('one'), files)
    assert.deepEqual(await history.read(digestOf('one')), files)
  })
})

describe('when they served', () => {
  test('is listed with the newest first, also after a restart', async () => {
    const aside = { edition: 'sha256:x', bundle: null, rejected: 'a.yaml:1:1: broken' }
    await history.began(entry('one', { why: 'start' }))
    await history.began(entry('two', { why: 'rollback', by: 'op_olga', aside }))
    const expected = [entry('two', { why: 'rollback', by: 'op_olga', aside }), entry('one', { why: 'start' })]
    assert.deepEqual(history.list(), expected)
    assert.deepEqual((await openPolicyHistory(folder, log.log)).list(), expected)
  })

  test('survives a line that was torn: it is left out and told, and the next line stands alone', async () => {
    await history.began(entry('one'))
    await appendFile(join(folder, 'history.jsonl'), JSON.stringify(entry('torn')).slice(0, 40))
    const after = await openPolicyHistory(folder, log.log)
    await after.began(entry('two'))
    const again = await openPolicyHistory(folder, recordingLog().log)
    assert.deepEqual(again.list(), [entry('two'), entry('one')])
    assert.match(log.lines[0]?.msg ?? '', /a line of the history can not be read/)
  })

  test('is written in order, a line each', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `bundle ${n}`)
    await Promise.all(names.map((name) => history.began(entry(name))))
    const lines = (await readFile(join(folder, 'history.jsonl'), 'utf8')).trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).digest),
      names.map(digestOf),
    )
  })

  test('is listed though the disk did not take it', async () => {
    await rm(folder, { recursive: true })
    await assert.rejects(history.began(entry('one')), { code: 'ENOENT' })
    assert.deepEqual(history.list(), [entry('one')])
  })
})
