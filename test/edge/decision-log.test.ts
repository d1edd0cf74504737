import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDecisionLog } from '../../src/edge/decision-log.ts'
import { createLog } from '../../src/platform/log.ts'
import { eventually } from '../support/edge-calls.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-decisions-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const log = createLog('silent')
const NO_FULL_DISK = process.platform === 'linux' ? false : 'there is no /dev/full'
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
    for (const receipt of receipts(400)) assert.deepEqual((await again.find(receipt))?.decision, { receipt })
    await again.close()
  })

  test('writes again once a full disk has room, and counts what was lost', { skip: NO_FULL_DISK }, async () => {
    const place = join(folder, 'full')
    await mkdir(place)
    await symlink('/dev/full', join(place, 'decisions.jsonl'))
    const decisions = await openDecisionLog(place, { file_bytes_max: 10_000, files_max: 2 }, log)
    decisions.write({ receipt: 'rcp_lost' })
    await eventually('it is counted', async () => decisions.dropped() === 1)
    await rm(join(place, 'decisions.jsonl'))
    await eventually('it is written', async () => {
      decisions.write({ receipt: 'rcp_kept' })
      return (await decisions.find('rcp_kept')) !== null
    })
    await decisions.close()
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
    assert.deepEqual(await decisions.find('rcp_0019'), { decision: { receipt: 'rcp_0019' }, jwe: null })
    assert.equal(await decisions.find('rcp_0000'), null)
    await decisions.close()
  })

  test('hands on each decision once, though a file is moved away while it is read', async () => {
    const place = join(folder, 'moved')
    const decisions = await openDecisionLog(place, { file_bytes_max: 60, files_max: 10 }, log)
    const [first = '', second = '', third = '', ...later] = receipts(6)
    for (const receipt of [first, second]) decisions.write({ receipt })
    await sleep(50) // on the disk
    const seen: string[] = []
    for await (const { receipt } of decisions.all()) {
      seen.push(receipt)
      if (seen.length === 1) for (const more of [third, ...later]) decisions.write({ receipt: more })
      await sleep(20)
    }
    await decisions.close()
    assert.equal(new Set(seen).size, seen.length)
    assert.deepEqual([seen.includes(first), seen.includes(second)], [true, true])
  })

  test('puts the key of what is sealed into each file that needs it, once', async () => {
    const place = join(folder, 'keys')
    const decisions = await openDecisionLog(place, { file_bytes_max: 400, files_max: 100 }, log)
    for (const receipt of receipts(40)) {
      decisions.write({ receipt, sealed: { key: 'k1' } }, { contentKey: 'k1', jwe: 'a.b.c' })
      await sleep(1)
    }
    await decisions.close()
    const names = await readdir(place)
    assert.ok(names.length > 3, 'there were full files')
    for (const name of names) {
      const lines = (await readFile(join(place, name), 'utf8')).split('\n')
      assert.equal(lines.filter((line) => line.startsWith('{"contentKey"')).length, lines[0] === '' ? 0 : 1, name)
    }
    const again = await openDecisionLog(place, { file_bytes_max: 400, files_max: 100 }, log)
    for (const receipt of receipts(40)) assert.equal((await again.find(receipt))?.jwe, 'a.b.c')
    await again.close()
  })

  test('a line that was cut off costs no other line', async () => {
    const place = join(folder, 'torn')
    const limits = { file_bytes_max: 10_000, files_max: 2 }
    const first = await openDecisionLog(place, limits, log)
    first.write({ receipt: 'rcp_whole' })
    await first.close()
    await appendFile(join(place, 'decisions.jsonl'), '{"receipt":"rcp_torn","at":"20')
    const second = await openDecisionLog(place, limits, log)
    second.write({ receipt: 'rcp_after' })
    await second.close()
    const third = await openDecisionLog(place, limits, log)
    assert.equal(await third.find('rcp_torn'), null)
    const all = []
    for await (const { receipt } of third.all()) all.push(receipt)
    assert.deepEqual(all, ['rcp_whole', 'rcp_after'])
    await third.close()
  })
})
