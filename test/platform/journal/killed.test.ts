import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openFiles, readAll, temporaryFolder } from './support.ts'

const APPENDER = fileURLToPath(new URL('./appender.ts', import.meta.url))

/** Lets a process append until it has said so many numbers, and kills it in the middle of the next. @returns the last one it said */
async function appendAndDie(t: TestContext, folders: readonly string[], count: number): Promise<number> {
  const child = spawn(process.execPath, [APPENDER, '2', ...folders], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let [last, said] = [0, 0]
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line)
    said++
    if (said === count) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return last
}

test('a journal whose process is killed again and again has every number that was acknowledged, once', async (t) => {
  const folders = await Promise.all([1, 2, 3].map(() => temporaryFolder(t)))
  let last = 0
  for (const count of [1, 17, 40]) last = await appendAndDie(t, folders, count)
  assert.ok(last >= 58)
  const stores = await Promise.all(folders.map(openFiles))
  t.after(() => Promise.all(stores.map((store) => store.close())))
  for (const { opened } of stores) assert.ok(opened === 'whole' || opened === 'torn')
  const logs = await Promise.all(stores.map(readAll))
  const numbers = logs.map((log) => log.filter(({ kind }) => kind === 'batch').map(({ body }) => Number(body)))
  const holders = numbers.filter((held) => held.length >= last)
  assert.ok(holders.length >= 2, 'two stores have what was acknowledged')
  for (const held of numbers)
    assert.deepEqual(
      held,
      held
        .keys()
        .map((index) => index + 1)
        .toArray(),
    )
})
