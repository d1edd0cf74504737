import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import type { CheckOptions } from '../../src/edge/policy-checker.ts'
import { openPolicyStore, type PolicyStore } from '../../src/edge/policy-store.ts'
import { type Clock, manualClock } from '../../src/kernel/clock.ts'
import { accessFacts, NOW, policyFile } from '../policy/fixtures.ts'
import { eventually } from '../support/edge-calls.ts'
import { recordingLog } from '../support/recording-log.ts'

let root: string
let store: PolicyStore
let log: ReturnType<typeof recordingLog>

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tidegate-store-'))
  await mkdir(join(root, 'policies'))
  log = recordingLog()
})
afterEach(async () => {
  await store.close()
  await rm(root, { recursive: true, force: true })
})

const allowing = (scope: string): string =>
  policyFile('access', `  - { id: a, match: { scopes: [${scope}] }, effect: allow }`).text
const save = (text: string, name = 'access.yaml') => writeFile(join(root, 'policies', name), text)
const BROKEN = allowing('a').replace('allow', 'alow')

async function open(clock: Clock = manualClock(NOW), against: CheckOptions = {}): Promise<PolicyStore> {
  const source = { from: 'folder', folder: join(root, 'policies') } as const
  store = await openPolicyStore({
    source,
    everyMs: 20,
    history: join(root, 'history'),
    against,
    clock,
    log: log.log,
  })
  return store
}
async function restart(): Promise<PolicyStore> {
  await store.close()
  return open()
}
/** The scopes of a, b, c and d that the bundle in force lets pass. */
const lets = (): string =>
  ['a', 'b', 'c', 'd']
    .filter((scope) => store.bundle().authorize(accessFacts({ principal: { scopes: [scope] } })).effect === 'allow')
    .join()
const letsSoon = (scopes: string) => eventually(`it lets ${scopes} pass`, async () => lets() === scopes, 5_000)
const rejectedSoon = (what: RegExp) =>
  eventually(`rejected: ${what}`, async () => what.test(store.status().rejected ?? ''), 5_000)
const served = (): readonly string[] => store.history.list().map(({ why }) => why)

describe('policies in a folder', () => {
  test('are refused at a first start when they are broken, with every finding', async () => {
    await save(allowing('a'))
    await open()
    await store.close()
    await rm(join(root, 'history'), { recursive: true })
    await save(`${BROKEN.replace('id: a', 'idd: a')}`)
    await assert.rejects(open(), /^PolicyError: access\.yaml:3:.*\naccess\.yaml:3:/)
  })

  test('take effect when they are saved, and not while they are broken', async () => {
    await save(allowing('a'))
    await open()
    assert.equal(lets(), 'a')
    await save(allowing('b'))
    await letsSoon('b')
    await save(BROKEN)
    await rejectedSoon(/^access\.yaml:3:\d+: error shape/)
    assert.equal(lets(), 'b')
    assert.match(log.lines.at(-1)?.msg ?? '', /the newest edit is broken and not in force/)
    await save(allowing('c'))
    await letsSoon('c')
    assert.equal(store.status().rejected, null)
    assert.deepEqual(served(), ['edit', 'edit', 'start'])
  })

  test('broken at a start: the last good bundle serves, and the next good edit ends that', async () => {
    await save(allowing('a'))
    await open()
    await save(BROKEN)
    await restart()
    assert.deepEqual([lets(), store.status().source], ['a', 'history'])
    assert.match(store.status().rejected ?? '', /^access\.yaml:3:/)
    await save(allowing('b'))
    await letsSoon('b')
    assert.deepEqual([store.status().source, store.status().rejected], ['folder', null])
  })

  test('gone at a start, and back later', async () => {
    await save(allowing('a'))
    await open()
    await rename(join(root, 'policies'), join(root, 'away'))
    await rejectedSoon(/ENOENT/)
    assert.equal(lets(), 'a')
    await restart()
    assert.deepEqual([lets(), store.status().source], ['a', 'history'])
    await rename(join(root, 'away'), join(root, 'policies'))
    await eventually(
      'it is as before',
      async () => store.status().source === 'folder' && store.status().rejected === null,
    )
    assert.deepEqual(served(), ['start'], 'the same bundle served all the time')
  })

  test('a last good bundle that is torn does not serve: the start is refused', async () => {
    await save(allowing('a'))
    await open()
    await store.close()
    await save(BROKEN)
    await rm(join(root, 'history/blobs'), { recursive: true })
    await assert.rejects(open(), /the last good bundle can not serve: .*blobs/s)
  })

  test('two edits at once: the newest wins', async () => {
    await save(allowing('a'))
    await open()
    await Promise.all([save(allowing('b')), save(policyFile('quota', QUOTA).text, 'quota.yaml')])
    await save(allowing('c'))
    await letsSoon('c')
    await eventually('both files are in force', async () => store.bundle().quotas(accessFacts()).charges.length === 1)
    await sleep(200)
    assert.equal(lets(), 'c')
  })

  test('a save in several steps is read when it is over', async () => {
    await save(allowing('a'))
    await open()
    const text = allowing('b')
    for (let end = 20; end < text.length; end += 20) {
      await save(text.slice(0, end))
      await sleep(2)
    }
    await save(text)
    await letsSoon('b')
    assert.deepEqual(
      log.lines.filter(({ level }) => level >= 50),
      [],
    )
  })

  test('an edit that puts an enforced rule into shadow for good is refused, also when it was made while nothing ran', async () => {
    const denying = (mode: string): string =>
      policyFile('firewall', `  - { id: d, match: { methods: [PUT] }, effect: deny, mode: ${mode} }`).text
    await save(allowing('a'))
    await save(denying('enforce'), 'firewall.yaml')
    await open()
    await save(denying('shadow'), 'firewall.yaml')
    await rejectedSoon(/^firewall\.yaml:3:\d+: error loosens-forever/)
    await restart()
    assert.match(store.status().rejected ?? '', /loosens-forever/)
    assert.equal(store.status().source, 'history')
    assert.equal(store.bundle().rules.find(({ name }) => name === 'firewall/d')?.mode, 'enforce')
  })
})

test('an edit that loosens is told, though the routes of now have changed under what was in force', async () => {
  const denying = (rule: string): string => policyFile('firewall', `  - { id: d, effect: deny, ${rule} }`).text
  await save(allowing('a'))
  await save(denying('match: { routes: [gone] }'), 'firewall.yaml')
  await open()
  await store.close()
  await save(denying('match: { methods: [PUT] }, mode: shadow'), 'firewall.yaml')
  await assert.rejects(open(manualClock(NOW), { surface: { routes: [] } }), /loosens-forever/)
})

describe('a rollback', () => {
  const edited = async (...scopes: readonly string[]): Promise<readonly string[]> => {
    const digests: string[] = []
    for (const scope of scopes) {
      await save(allowing(scope))
      if (digests.length === 0) await open()
      await letsSoon(scope)
      digests.push(store.status().bundle)
    }
    return digests
  }

  test('lets an older bundle serve, over a restart, until the next edit', async () => {
    const [a = '', b = ''] = await edited('a', 'b')
    assert.deepEqual(await store.rollback(a, 'op_olga'), { kind: 'serving', isKept: true })
    assert.equal(lets(), 'a')
    const { bundle, source, aside, rejected } = store.status()
    assert.deepEqual({ bundle, source, aside, rejected }, { bundle: a, source: 'rollback', aside: b, rejected: null })
    assert.equal(store.history.list()[0]?.by, 'op_olga')
    await sleep(100)
    await restart()
    assert.deepEqual([lets(), store.status().source, store.status().aside], ['a', 'rollback', b])
    await sleep(100)
    assert.equal(lets(), 'a')
    await save(`${allowing('b')}# the same again, but saved\n`)
    await letsSoon('b')
    assert.deepEqual([store.status().source, store.status().aside], ['folder', null])
    await restart()
    assert.equal(lets(), 'b')
  })

  test('an edit that is broken does not end it, and is told', async () => {
    const [a = ''] = await edited('a', 'b')
    await store.rollback(a, 'op_olga')
    await save(BROKEN)
    await rejectedSoon(/^access\.yaml:3:/)
    assert.equal(lets(), 'a')
    await restart()
    assert.deepEqual([lets(), store.status().source], ['a', 'history'])
  })

  test('to what the folder holds undoes it', async () => {
    const [a = '', b = ''] = await edited('a', 'b')
    await store.rollback(a, 'op_olga')
    await store.rollback(b, 'op_olga')
    assert.deepEqual([lets(), store.status().source, store.status().aside], ['b', 'folder', null])
  })

  test('away from a broken edit sets that aside', async () => {
    const [a = ''] = await edited('a', 'b')
    await save(BROKEN)
    await rejectedSoon(/^access\.yaml:3:/)
    await store.rollback(a, 'op_olga')
    assert.match(store.status().aside ?? '', /^access\.yaml:3:/)
    await restart()
    assert.deepEqual([lets(), store.status().source], ['a', 'rollback'])
    assert.match(store.status().rejected ?? '', /^access\.yaml:3:/)
  })

  test('to a bundle that never served, or whose files are gone, changes nothing', async () => {
    const [a = ''] = await edited('a', 'b')
    assert.deepEqual(await store.rollback(`sha256:${'0'.repeat(64)}`, 'op_olga'), { kind: 'unknown' })
    await rm(join(root, 'history/bundles', `${a.slice('sha256:'.length)}.json`))
    assert.deepEqual(await store.rollback(a, 'op_olga'), { kind: 'unknown' })
    assert.equal(lets(), 'b')
  })

  test('is not to files that another digest names', async () => {
    const [a = '', b = ''] = await edited('a', 'b')
    const file = (digest: string): string => join(root, 'history/bundles', `${digest.slice('sha256:'.length)}.json`)
    await rename(file(b), file(a))
    assert.equal((await store.rollback(a, 'op_olga')).kind, 'unknown')
    assert.equal(lets(), 'b')
  })
})

describe('a store whose surroundings fail', () => {
  test('a disk that takes nothing more is told, and the edit takes effect all the same', async () => {
    await save(allowing('a'))
    await open()
    await rm(join(root, 'history'), { recursive: true })
    await writeFile(join(root, 'history'), 'a file where the folder was')
    await save(allowing('b'))
    await letsSoon('b')
    const told = (message: string): boolean => log.lines.some(({ level, msg }) => level >= 50 && msg === message)
    await eventually('both are told', async () => {
      return (
        told('policies: in force, but not kept') && told('policies: in force, but the history could not be written')
      )
    })
  })

  test('a thread that ends is started again', async () => {
    const threads: Worker[] = []
    const note = (worker: Worker): void => void threads.push(worker)
    process.on('worker', note)
    await save(allowing('a'))
    await open()
    for (const scope of ['b', 'c']) {
      await threads.at(-1)?.terminate()
      await save(allowing(scope))
      await letsSoon(scope)
    }
    process.off('worker', note)
    assert.equal(threads.length, 3)
  })
})

const QUOTA = `  - id: q
    when: 'true'
    effect: { throttle: { limit: 10, per: 1h, key: source, cost: request } }`
