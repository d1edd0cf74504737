import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, mock, test } from 'node:test'
import { systemClock } from '../../src/kernel/clock.ts'
import { signPassport, verifyPassport } from '../../src/platform/passport.ts'
import { passportKeysIn } from '../../src/platform/passport-keys.ts'

let folder: string
let path: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-keys-'))
  path = join(folder, 'passport-risk.json')
})
after(() => rm(folder, { recursive: true, force: true }))

const key = (kid: string) => ({ kid, secret: randomBytes(32).toString('base64') })
const [first, second] = [key('first'), key('second')]
const write = (...keys: unknown[]) => writeFile(path, JSON.stringify(keys))

describe('passport keys in files', () => {
  let faults: string[]
  let nowMs = 0
  const open = () => passportKeysIn(folder, false, (error) => faults.push(error.message))
  beforeEach(async () => {
    faults = []
    mock.method(performance, 'now', () => nowMs)
    await write(first)
  })
  afterEach(() => mock.restoreAll())

  test('a passport signed with a key that was just put in front is accepted at once', async () => {
    const [verifying, signing] = [open(), open()]
    verifying('risk')
    await write(second, first)
    const request = { method: 'GET', target: '/', body: Buffer.alloc(0) }
    const claims = { principal: { kind: 'anonymous' }, assessment: null, receipt: null } as const
    const header = signPassport(signing, systemClock, 'risk', request, claims)
    assert.match(header, /^v1\.second\./)
    assert.notEqual(verifyPassport(verifying, systemClock, 'risk', { ...request, header }), null)
  })

  test('a key that there is not is no reason to read the file each time', async () => {
    const keys = open()
    keys('risk', 'third')
    await write(second, first)
    assert.deepEqual(
      keys('risk', 'third').map(({ kid }) => kid),
      ['first'],
    )
  })

  for (const [what, spoil] of Object.entries({
    'a missing file': () => unlink(path),
    'a half-written file': () => writeFile(path, '[{"kid":"sec'),
    'a file with a key that is too short': () => write({ kid: 'weak', secret: 'AAAA' }),
  }))
    test(`${what} leaves the last good keys in force, is told once, and is read again when it is whole`, async () => {
      const keys = open()
      keys('risk')
      await spoil()
      assert.deepEqual(
        keys('risk', 'second').map(({ kid }) => kid),
        ['first'],
      )
      nowMs += 1_000
      assert.equal(keys('risk').length, 1)
      assert.equal(faults.length, 1)
      assert.match(faults[0] ?? '', /passport-risk\.json/)
      await write(second, first)
      nowMs += 1_000
      assert.equal(keys('risk').length, 2)
    })

  test('there is no start without keys', async () => {
    await unlink(path)
    assert.throws(() => open()('risk'), /passport-risk\.json can not be read/)
  })
})
