import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { exportJWK, generateKeyPair } from 'jose'
import { openDecisionLog } from '../../src/edge/decision-log.ts'
import type { DecisionLines, DecisionPlace } from '../../src/edge/decision-reading.ts'
import { createSealer, type Sealed, unseal } from '../../src/edge/sealing.ts'
import { systemClock } from '../../src/kernel/clock.ts'
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
    const decisions = await openDecisionLog(place, limits, log, null)
    for (const receipt of receipts(400)) {
      decisions.write({ receipt })
      await sleep(1) // a full file is moved away, and closed, meanwhile
    }
    await decisions.close()
    assert.equal(decisions.dropped(), 0)
    assert.ok((await readdir(place)).length > 3, 'there were full files')
    const again = await openDecisionLog(place, limits, log, null)
    for (const receipt of receipts(400)) assert.deepEqual((await again.find(receipt))?.decision, { receipt })
    await again.close()
  })

  test('is read on from a place, line by line, each once, while files are moved away; what is gone is said', async () => {
    const folderOf = join(folder, 'followed')
    const limits = { file_bytes_max: 200, files_max: 4 }
    const decisions = await openDecisionLog(folderOf, limits, log, null)
    const lineOf = (receipt: string) => JSON.stringify({ receipt })
    const read: string[] = []
    let place: DecisionPlace | null = null
    const readOn = async (): Promise<boolean> => {
      for (;;) {
        const found: DecisionLines = await decisions.after(place, 60)
        place = found.place
        if (found.isGap) return true
        if (found.lines.length === 0) return false
        read.push(...found.lines)
      }
    }
    const [early, late] = [receipts(60), receipts(400).slice(60)]
    for (const receipt of early) {
      decisions.write({ receipt })
      assert.equal(await readOn(), false)
    }
    assert.deepEqual(read, early.map(lineOf))
    for (const receipt of late) {
      decisions.write({ receipt })
      await decisions.find(receipt) // it is written, and full files are moved away
    }
    assert.equal(await readOn(), true, 'the file of the place is gone')
    read.length = 0
    assert.equal(await readOn(), false)
    assert.deepEqual(read, late.map(lineOf).slice(-read.length), 'and it goes on from the oldest that is kept')
    await decisions.close()
  })

  test('writes again once a full disk has room, and counts what was lost', { skip: NO_FULL_DISK }, async () => {
    const place = join(folder, 'full')
    await mkdir(place)
    await symlink('/dev/full', join(place, 'decisions.jsonl'))
    const decisions = await openDecisionLog(place, { file_bytes_max: 10_000, files_max: 2 }, log, null)
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
      const decisions = await openDecisionLog(place, limits, log, null)
      decisions.write({ receipt })
      await decisions.close()
    }
    assert.deepEqual((await readdir(place)).sort(), ['decisions.1.jsonl', 'decisions.2.jsonl', 'decisions.jsonl'])
    const decisions = await openDecisionLog(place, limits, log, null)
    assert.deepEqual(await decisions.find('rcp_0019'), { decision: { receipt: 'rcp_0019' }, jwe: null })
    assert.equal(await decisions.find('rcp_0000'), null)
    await decisions.close()
  })

  test('hands on each decision once, though a file is moved away while it is read', async () => {
    const place = join(folder, 'moved')
    const decisions = await openDecisionLog(place, { file_bytes_max: 60, files_max: 10 }, log, null)
    const [first = '', second = '', third = '', ...later] = receipts(6)
    for (const receipt of [first, second]) decisions.write({ receipt })
    await sleep(50) // on the disk
    const seen: string[] = []
    for await (const { receipt } of decisions.all()) {
      seen.push(receipt)
      if (seen.length === 1) for (const more of [third, ...later]) decisions.write({ receipt: more })
      await sleep(40) // they are written meanwhile
    }
    await decisions.close()
    assert.equal(new Set(seen).size, seen.length)
    assert.deepEqual([seen.includes(first), seen.includes(second)], [true, true])
  })

  test('finds at once what was decided, written or not', async () => {
    const decisions = await openDecisionLog(
      join(folder, 'at-once'),
      { file_bytes_max: 10_000, files_max: 2 },
      log,
      null,
    )
    decisions.write({ receipt: 'rcp_now' })
    assert.deepEqual((await decisions.find('rcp_now'))?.decision, { receipt: 'rcp_now' })
    await decisions.close()
  })

  test('writes what waits when there is much of it, and when it is closed', async () => {
    const place = join(folder, 'waiting')
    const decisions = await openDecisionLog(place, { file_bytes_max: 100_000_000, files_max: 2 }, log, null)
    for (const receipt of receipts(1_000)) decisions.write({ receipt, note: 'x'.repeat(200) })
    await decisions.close()
    const lines = (await readFile(join(place, 'decisions.jsonl'), 'utf8')).trim().split('\n')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).receipt),
      receipts(1_000),
    )
  })

  test('seals what is secret, and each of its files can be read alone', async () => {
    const place = join(folder, 'keys')
    const { publicKey, privateKey } = await generateKeyPair('ECDH-ES+A256KW', { extractable: true })
    const sealer = await createSealer(await exportJWK(publicKey), systemClock, log)
    const limits = { file_bytes_max: 400, files_max: 100 }
    const decisions = await openDecisionLog(place, limits, log, sealer)
    for (const receipt of receipts(40)) {
      const secret = receipt === 'rcp_0007' ? null : `{"of":"${receipt}"}`
      decisions.write({ receipt }, { open: '{"route":{}}', secret, withheld: [] })
      await sleep(2)
    }
    await decisions.close()
    const names = await readdir(place)
    assert.ok(names.length > 3, 'there were full files')
    for (const name of names) {
      const text = await readFile(join(place, name), 'utf8')
      assert.equal(text.match(/^\{"contentKey"/gm)?.length ?? 0, text === '' ? 0 : 1, name)
      assert.ok(!text.includes('{"of"'), name)
    }
    const again = await openDecisionLog(place, limits, log, null)
    const key = await exportJWK(privateKey)
    for (const receipt of receipts(40)) {
      const { decision, jwe } = (await again.find(receipt)) ?? {}
      assert.deepEqual(decision?.['facts'], { route: {} })
      if (receipt === 'rcp_0007') assert.equal(decision?.['sealed'], null)
      else assert.deepEqual(await unseal(receipt, decision?.['sealed'] as Sealed, jwe ?? '', key), { of: receipt })
    }
    await again.close()
  })

  test('a line that was cut off costs no other line', async () => {
    const place = join(folder, 'torn')
    const limits = { file_bytes_max: 10_000, files_max: 2 }
    const first = await openDecisionLog(place, limits, log, null)
    first.write({ receipt: 'rcp_whole' })
    await first.close()
    await appendFile(join(place, 'decisions.jsonl'), '{"receipt":"rcp_torn","at":"20')
    const second = await openDecisionLog(place, limits, log, null)
    second.write({ receipt: 'rcp_after' })
    await second.close()
    const third = await openDecisionLog(place, limits, log, null)
    assert.equal(await third.find('rcp_torn'), null)
    const all = []
    for await (const { receipt } of third.all()) all.push(receipt)
    assert.deepEqual(all, ['rcp_whole', 'rcp_after'])
    await third.close()
  })
})
