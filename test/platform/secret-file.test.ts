import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { makeSecretFile, readSecret } from '../../src/platform/secret-file.ts'

const PROCESSES = 4

describe('secret files', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-secrets-'))
  })
  after(() => rm(folder, { recursive: true }))

  test('processes that start at once agree on one secret, which only their account can read', async () => {
    const path = join(folder, 'keys', 'shared')
    const module = new URL('../../src/platform/secret-file.ts', import.meta.url).href
    const script = `import { makeSecretFile, readSecret } from ${JSON.stringify(module)}
      makeSecretFile(process.argv[1], () => String(process.pid)); console.log(readSecret(process.argv[1]))`
    const start = () => promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script, path])
    const printed = await Promise.all(Array.from({ length: PROCESSES }, async () => (await start()).stdout))
    assert.equal(new Set(printed).size, 1)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(join(folder, 'keys')), ['shared'], 'no draft is left')
  })

  test('a file that is there is kept', () => {
    const path = join(folder, 'kept')
    for (const secret of ['first', 'second']) makeSecretFile(path, () => secret)
    assert.equal(readSecret(path), 'first')
  })

  test('a missing or empty file is named', async () => {
    const path = join(folder, 'empty')
    assert.throws(() => readSecret(path), new RegExp(`${path} can not be read`))
    await writeFile(path, ' \n')
    assert.throws(() => readSecret(path), new RegExp(`${path} is empty`))
  })
})
