import { deepEqual, rejects } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { readPolicies } from '../../src/edge/policy-folder.ts'

let root: string
let folder: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tidegate-folder-'))
  folder = join(root, 'policies')
  await mkdir(folder)
})
afterEach(() => rm(root, { recursive: true, force: true }))

const save = (path: string) => writeFile(join(root, path), path)
const read = async () => (await readPolicies(folder)).map(({ path, text }) => [path, text])

describe('the policies of a folder', () => {
  test('are its files and those below it, whatever the case of their names, in the order of their paths', async () => {
    await mkdir(join(folder, 'b'))
    for (const name of ['c.yml', 'b/list.txt', 'A.YAML', 'notes.md', 'a.yaml.bak']) await save(`policies/${name}`)
    deepEqual(
      (await read()).map(([path]) => path),
      ['A.YAML', 'b/list.txt', 'c.yml'],
    )
  })

  test('are read through links to files, and once where they are mounted in a hidden folder', async () => {
    await mkdir(join(folder, '..2027'))
    await save('policies/..2027/a.yaml')
    await symlink('..2027', join(folder, '..data'))
    await symlink('..data/a.yaml', join(folder, 'a.yaml'))
    deepEqual(await read(), [['a.yaml', 'policies/..2027/a.yaml']])
  })

  test('are not read in part: a link to a folder, a link to nothing and a pipe are refused', async () => {
    const odd: readonly (readonly [RegExp, string, () => Promise<unknown>])[] = [
      [/more is a link to a folder/, 'more', () => symlink(root, join(folder, 'more'))],
      [/ENOENT/, 'gone.yaml', () => symlink('nowhere', join(folder, 'gone.yaml'))],
      [/pipe\.yaml .* is none/, 'pipe.yaml', () => promisify(execFile)('mkfifo', [join(folder, 'pipe.yaml')])],
    ]
    await save('policies/a.yaml')
    for (const [reason, name, make] of odd) {
      await make()
      await rejects(read(), reason)
      await rm(join(folder, name))
    }
    deepEqual(await read(), [['a.yaml', 'policies/a.yaml']])
  })
})
