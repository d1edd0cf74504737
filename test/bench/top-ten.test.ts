import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readTopTen } from '../../bench/edge/top-ten.ts'

test('the top ten are of the time asked for, and of the time that was not idle', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'))
  const node = (id: number, functionName: string) => ({ id, callFrame: { functionName, url: '', lineNumber: 0 } })
  const nodes = [node(1, 'start'), node(2, 'work'), node(3, '(idle)'), node(4, 'write')]
  // At 10 the start, at 20 and 30 work, at 40 nothing to do, at 50 the writing.
  const profile = { nodes, startTime: 0, samples: [1, 2, 2, 3, 4], timeDeltas: [10, 10, 10, 10, 10] }
  await writeFile(join(folder, 'CPU.main.cpuprofile'), JSON.stringify(profile))
  await writeFile(join(folder, 'CPU.worker.cpuprofile'), JSON.stringify({ ...profile, nodes: [] }))
  try {
    assert.deepEqual(await readTopTen(folder, 15, 60), [
      { function: 'work', percent: 66.7 },
      { function: 'write', percent: 33.3 },
    ])
  } finally {
    await rm(folder, { recursive: true })
  }
})
