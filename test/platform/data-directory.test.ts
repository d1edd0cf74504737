import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ownDataDirectory } from '../../src/platform/data-directory.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-owner-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const MODULE = JSON.stringify(import.meta.resolve('../../src/platform/data-directory.ts'))

/** A process that tries to own the directory, and lives on either way; says `mine` or why not. */
async function contend(directory: string): Promise<{ child: ChildProcess; said: string }> {
  const script = `import { ownDataDirectory } from ${MODULE}
    globalThis.owned = await ownDataDirectory(${JSON.stringify(directory)}).catch((error) => error)
    console.log(owned instanceof Error ? owned.message : 'mine')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = await once(child.stdout, 'data')
  return { child, said: String(said).trim() }
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'close')
}

describe('a data directory', () => {
  test('has one owner at a time; the refusal names it', async () => {
    const directory = join(folder, 'one')
    const first = await ownDataDirectory(directory)
    await assert.rejects(ownDataDirectory(directory), new RegExp(`${directory}.* in use`))
    first.release()
    const second = await ownDataDirectory(directory)
    second.release()
  })

  test('has one new owner when its owner was killed and several start at once', async () => {
    const directory = join(folder, 'killed')
    const { child, said } = await contend(directory)
    assert.equal(said, 'mine')
    await assert.rejects(ownDataDirectory(directory), /in use/)
    await kill(child)
    const contenders = await Promise.all(Array.from({ length: 6 }, () => contend(directory)))
    await Promise.all(contenders.map((contender) => kill(contender.child)))
    const answers = contenders.map((contender) => contender.said)
    assert.equal(answers.filter((answer) => answer === 'mine').length, 1, answers.join('\n'))
    assert.equal(answers.filter((answer) => / in use /.test(answer)).length, 5, answers.join('\n'))
    const mine = await ownDataDirectory(directory)
    mine.release()
  })
})
