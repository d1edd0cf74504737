import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createJournal } from '../../../src/platform/journal/journal.ts'
import { systemTimers } from '../../../src/platform/journal/timers.ts'
import { createBareDatabase } from '../../support/stores.ts'
import { LIMITS, openDatabase, openFiles, readAll, temporaryFolder } from './support.ts'

const APPENDER = fileURLToPath(new URL('./appender.ts', import.meta.url))

/** Lets a process append until it has said so many numbers, and kills it in the next. @returns the last one it said */
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

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

test('a leader that is stopped in the middle is overtaken, and acknowledges nothing more when it wakes', {
  skip,
}, async (t) => {
  const urls = await Promise.all([1, 2, 3].map(() => createBareDatabase()))
  const child = spawn(process.execPath, [APPENDER, '2', ...urls], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const said: string[] = []
  const enough = Promise.withResolvers<void>()
  const over = (async () => {
    for await (const line of createInterface({ input: child.stdout })) if (said.push(line) === 25) enough.resolve()
  })()
  await enough.promise
  child.kill('SIGSTOP')

  const stores = urls.map(openDatabase)
  t.after(() => Promise.all(stores.map((store) => store.close())))
  const journal = createJournal({ stores, writes: 2, timers: systemTimers, limits: LIMITS })
  let answer = await journal.lead()
  while (answer.kind !== 'leading') answer = await journal.lead()
  const { leadership } = answer
  t.after(() => leadership.resign('the test is over'))
  const found = await Array.fromAsync(leadership.replay(0), ({ body }) => Number(body))
  const next = (found.at(-1) ?? 0) + 1
  for (const n of [next, next + 1, next + 2]) assert.equal((await leadership.append(String(n))).kind, 'ok')

  child.kill('SIGCONT')
  await over
  assert.match(said.pop() ?? '', /^(unknown|rejected)$/)
  const last = Number(said.at(-1))
  assert.ok(last < next, 'what the old leader acknowledged the new one has found')
  const all = await Array.fromAsync(leadership.replay(0), ({ body }) => Number(body))
  assert.deepEqual(
    all,
    all
      .keys()
      .map((index) => index + 1)
      .toArray(),
  )
  assert.equal(all.length, next + 2)
})
