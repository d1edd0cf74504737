import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { openPolicyStore, type PolicyStore } from '../../src/edge/policy-store.ts'
import { manualClock } from '../../src/kernel/clock.ts'
import { accessFacts, NOW, policyFile } from '../policy/fixtures.ts'
import { eventually } from '../support/edge-calls.ts'
import { recordingLog } from '../support/recording-log.ts'

let root: string
let store: PolicyStore
let clock: ReturnType<typeof manualClock>

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tidegate-lapse-'))
  await mkdir(join(root, 'policies'))
  clock = manualClock(NOW)
})
afterEach(async () => {
  await store.close()
  await rm(root, { recursive: true, force: true })
})

const UNTIL = 'owner: me, expires: 2026-03-01T13:00:00Z'
const HOUR_MS = 3_600_000

const allowing = (scope: string): string =>
  policyFile('access', `  - { id: a, match: { scopes: [${scope}] }, effect: allow }`).text
const save = (text: string, name = 'access.yaml') => writeFile(join(root, 'policies', name), text)

async function open(): Promise<void> {
  const source = { from: 'folder', folder: join(root, 'policies') } as const
  const history = join(root, 'history')
  store = await openPolicyStore({ source, everyMs: 20, history, against: {}, clock, log: recordingLog().log })
}
/** The scopes of a, b and c that the bundle in force lets pass. */
const lets = (): string =>
  ['a', 'b', 'c']
    .filter((scope) => store.bundle().authorize(accessFacts({ principal: { scopes: [scope] } })).effect === 'allow')
    .join()
const letsSoon = (scopes: string) => eventually(`it lets ${scopes} pass`, async () => lets() === scopes, 5_000)

describe('what has lapsed', () => {
  test('is left out on its day', async () => {
    const expiring = `  - { id: a, match: { scopes: [a] }, effect: allow, ${UNTIL} }`
    await save(policyFile('access', expiring).text)
    await open()
    assert.equal(lets(), 'a')
    clock.advance(HOUR_MS)
    await letsSoon('')
    assert.deepEqual(
      store.history.list().map(({ why }) => why),
      ['expiry', 'start'],
    )
  })

  test('is left out even though the files, those kept and the thread are gone', async () => {
    const threads: Worker[] = []
    const note = (worker: Worker): void => void threads.push(worker)
    process.on('worker', note)
    const rules = [
      `{ id: d, match: { scopes: [c] }, effect: deny, mode: shadow, ${UNTIL} }`,
      '{ id: near, match: { lists: [near], scopes: [a] }, effect: allow }',
      `{ id: b, match: { scopes: [b] }, effect: allow, ${UNTIL} }`,
      '{ id: c, match: { scopes: [c] }, effect: allow }',
    ]
    await save(policyFile('access', rules.map((rule) => `  - ${rule}`).join('\n')).text)
    const entries = `  - { name: near, cidrs: [{ is: 192.0.2.1, ${UNTIL} }, { is: 198.51.100.1, ${UNTIL.replace('2026', '2036')} }] }`
    await save(policyFile('lists', entries).text, 'lists.yaml')
    await open()
    process.off('worker', note)
    assert.equal(lets(), 'a,b,c')
    await Promise.all(['history', 'policies'].map((name) => rm(join(root, name), { recursive: true })))
    await threads[0]?.terminate()
    clock.advance(HOUR_MS)
    await letsSoon('')
    const far = { source: { ip: '198.51.100.1' }, principal: { scopes: ['a'] } }
    assert.equal(store.bundle().authorize(accessFacts(far)).rule, 'access/near')
    await eventually(
      'it is told that the files are gone',
      async () => /ENOENT/.test(store.status().rejected ?? ''),
      5_000,
    )
  })

  test('goes at the same look at which an edit comes, and the edit stays', async () => {
    await save(policyFile('access', `  - { id: a, match: { scopes: [a] }, effect: allow, ${UNTIL} }`).text)
    await open()
    await save(allowing('b'))
    clock.advance(HOUR_MS)
    await letsSoon('b')
    await sleep(200)
    assert.equal(lets(), 'b')
  })

  test('a file of entries that has lapsed is no longer read, and is still what the digest names', async () => {
    await save(policyFile('access', '  - { id: a, match: { lists: [near], scopes: [a] }, effect: allow }').text)
    await save(policyFile('lists', `  - { name: near, cidrs: [{ file: near.txt, ${UNTIL} }] }`).text, 'lists.yaml')
    await save('192.0.2.1\n', 'near.txt')
    await open()
    const { bundle } = store.status()
    assert.equal(lets(), 'a')
    clock.advance(HOUR_MS)
    await letsSoon('')
    await store.close()
    await open()
    assert.equal(store.status().bundle, bundle)
  })
})
