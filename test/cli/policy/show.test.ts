import { deepEqual, equal, rejects } from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { showBundle } from '../../../src/cli/policy/show.ts'

const DIGEST = 'sha256:00'

describe('the files of a bundle, written into a folder', () => {
  let root: string
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'tidegate-show-'))
  })
  after(() => rm(root, { recursive: true }))

  const written = async (name: string, path: string) => {
    const answer = async () => ({ digest: DIGEST, files: [{ path, text: 'text' }] })
    const to = join(root, name)
    await showBundle({ get: answer, post: answer, delete: answer }, DIGEST, to)
    return to
  }

  it('lie where the policies have them, those of a ruleset from elsewhere under their whole path', async () => {
    equal(await readFile(join(await written('own', 'signatures/a.yaml'), 'signatures/a.yaml'), 'utf8'), 'text')
    const folder = await written('other', '/usr/share/rules/a.conf')
    deepEqual(await readFile(join(folder, 'usr/share/rules/a.conf'), 'utf8'), 'text')
  })

  it('never lie outside of it', async () => {
    for (const path of ['../a.yaml', 'a/../../b.yaml']) await rejects(written(`out-${path.length}`, path))
  })
})
