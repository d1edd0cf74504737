import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Compiled } from '../../src/edge/policy-compiler.ts'
import type { Serving } from '../../src/edge/policy-serving.ts'
import { createPolicyUpkeep } from '../../src/edge/policy-upkeep.ts'
import { type Instant, manualClock } from '../../src/kernel/clock.ts'
import { compiled, NOW, policyFile } from '../policy/fixtures.ts'
import { recordingLog } from '../support/recording-log.ts'

test('what has lapsed and can not be left out is told, and does not keep an edit out', async () => {
  const allow = (id: string, more = ''): ReturnType<typeof compiled> =>
    compiled(policyFile('access', `  - { id: ${id}, match: { methods: [GET] }, effect: allow${more} }`))
  const edited = allow('new')
  const content = {} as Serving['content']
  const lapsing = allow('old', ", expires: '2026-03-01T12:00:01Z'")
  let serving: Serving = { bundle: lapsing, content, source: 'folder', aside: null }
  const upkeep = createPolicyUpkeep({
    source: { from: 'folder', folder: 'policies' },
    history: { list: () => [] },
    compile: async (): Promise<Compiled> => {
      if (serving.bundle === edited) return { kind: 'unchanged' }
      return { kind: 'compiled', edition: 'new', bundle: edited, content, warnings: 0, notKept: null }
    },
    compileAt: () => Promise.reject(new Error('no memory')),
    current: () => serving,
    begin: async (next) => {
      serving = next
      return true
    },
    clock: manualClock((NOW + 2_000) as Instant),
    log: recordingLog().log,
  })
  await upkeep.look()
  assert.equal(serving.bundle, edited)
  assert.match(upkeep.rejected() ?? '', /lapsed could not be left out: .*no memory/)
  await upkeep.look()
  assert.equal(upkeep.rejected(), null)
})
