import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDecisionLog } from '../../src/edge/decision-log.ts'
import { createLog } from '../../src/platform/log.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-decisions-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const log = createLog('silent')
const receipts = (count: number) => Array.from({ length: count }, (_, index) => `rcp_${String(index).padStart(4, '0')}`)

describe('the decision log', () => {
  test('loses no decision while full files are moved away', async () => {
    const place = join(folder, 'many')
    const limits = { file_bytes_max: 200, files_max: 1_000 }
    const decisions = await openDecisionLog(place, limits, log)
    for (const receipt of receipts(400)) {
      decisions.write({ receipt })
      await sleep(1) // a full file is moved away, and closed, meanwhile
    }
    await decisions.close()
    assert.equal(decisions.dropped(), 0)
    assert.ok((await readdir(place)).length > 3, 'there were full files')
    const again = await openDecisionLog(place, limits, log)
    for (const receipt of receipts(400)) assert.deepEqual(await again.find(receipt), { receipt })
    await again.close()
  })

  test('goes on in the file it finds, and keeps as many files as it may', async () => {
    const place = join(folder, 'few')
    const limits = { file_bytes_max: 60, files_max: 3 }
    for (const receipt of receipts(20)) {
      const decisions = await openDecisionLog(place, limits, log)
      decisions.write({ receipt })
      await decisions.close()
    }
    assert.deepEqual((await readdir(place)).sort(), ['decisions.1.jsonl', 'decisions.2.jsonl', 'decisions.jsonl'])
    const decisions = await openDecisionLog(place, limits, log)
    assert.deepEqual(await decisions.find('rcp_0019'), { receipt: 'rcp_0019' })
    assert.equal(await decisions.find('rcp_0000'), null)
    await decisions.close()
  })
})
