import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { createSealer, type Envelope, type Sealer, unseal } from '../../src/edge/sealing.ts'
import { makeSealingKeys, privateKeyBeside, readSealingKey, readUnsealingKey } from '../../src/edge/sealing-key.ts'
import { type Instant, manualClock } from '../../src/kernel/clock.ts'
import { createLog } from '../../src/platform/log.ts'
import { eventually } from '../support/edge-calls.ts'

const log = createLog('silent')
const HOUR_MS = 3_600_000

function sealed(sealer: Sealer, values: Readonly<Record<string, unknown>>): ReturnType<Envelope['seal']> {
  const envelope = sealer.open(64)
  for (const [receipt, value] of Object.entries(values)) envelope.add(receipt, JSON.stringify(value))
  return envelope.seal()
}

async function keyPair(): Promise<{ open: JWK; secret: JWK }> {
  const { publicKey, privateKey } = await generateKeyPair('ECDH-ES+A256KW', { extractable: true })
  return { open: await exportJWK(publicKey), secret: await exportJWK(privateKey) }
}

describe('a sealed value', () => {
  test('is read with the private key, for the receipt it was sealed for, and by nothing else', async () => {
    const [ours, theirs] = [await keyPair(), await keyPair()]
    const sealer = await createSealer(ours.open, manualClock(0 as Instant), log)
    const value = { claims: { sub: 'mem_1' }, note: 'Zhāng' }
    const { sealed: envelope, contentKey } = sealed(sealer, { rcp_0: 'before', rcp_1: value, rcp_2: ['after'] })
    assert.ok(!JSON.stringify({ envelope, contentKey }).includes('mem_1'))
    assert.deepEqual(await unseal('rcp_1', envelope, contentKey.jwe, ours.secret), value)
    assert.deepEqual(await unseal('rcp_2', envelope, contentKey.jwe, ours.secret), ['after'])
    await assert.rejects(unseal('rcp_1', envelope, contentKey.jwe, theirs.secret), /decryption/)
    await assert.rejects(unseal('rcp_3', envelope, contentKey.jwe, ours.secret), /nothing of rcp_3/)
    await assert.rejects(unseal('__proto__', envelope, contentKey.jwe, ours.secret), /nothing of __proto__/)
    const changed = { ...envelope, text: `${envelope.text[0] === 'A' ? 'B' : 'A'}${envelope.text.slice(1)}` }
    await assert.rejects(unseal('rcp_1', changed, contentKey.jwe, ours.secret))
  })

  test('has a content key of its hour, and two of one hour share it and nothing else', async () => {
    const { open, secret } = await keyPair()
    const clock = manualClock(0 as Instant)
    const sealer = await createSealer(open, clock, log)
    const [a, b] = [sealed(sealer, { rcp_1: 'x' }), sealed(sealer, { rcp_1: 'x' })]
    assert.equal(a.contentKey.jwe, b.contentKey.jwe)
    assert.notEqual(a.sealed.envelope, b.sealed.envelope)
    assert.notEqual(a.sealed.text, b.sealed.text)
    clock.advance(HOUR_MS)
    const later = await eventually('the next key', async () => {
      const next = sealed(sealer, { rcp_2: 'y' })
      return next.contentKey.contentKey !== a.contentKey.contentKey && next
    })
    assert.equal(await unseal('rcp_2', later.sealed, later.contentKey.jwe, secret), 'y')
  })
})

describe('the keys of the security team', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-sealing-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  test('are made once as a pair, whoever starts at the same time', async () => {
    const path = join(folder, 'keys/receipts.public.json')
    await Promise.all([makeSealingKeys(path), makeSealingKeys(path)])
    const text = await readFile(path, 'utf8')
    await makeSealingKeys(path)
    assert.equal(await readFile(path, 'utf8'), text)
    const sealer = await createSealer(readSealingKey(path), manualClock(0 as Instant), log)
    const { sealed: envelope, contentKey } = sealed(sealer, { rcp_1: 1 })
    const secret = readUnsealingKey(privateKeyBeside(path))
    assert.equal(await unseal('rcp_1', envelope, contentKey.jwe, secret), 1)
    assert.equal((await stat(privateKeyBeside(path))).mode & 0o777, 0o600)
  })

  test('a private key on an edge is refused, and so is what is no key', async () => {
    const { secret } = await keyPair()
    const path = join(folder, 'wrong.public.json')
    await writeFile(path, JSON.stringify(secret))
    assert.throws(() => readSealingKey(path), /holds a private key/)
    for (const text of ['{', '[]', '{"k":1}']) {
      await writeFile(path, text)
      assert.throws(() => readSealingKey(path), /is not a JWK/)
    }
    assert.throws(() => readSealingKey(join(folder, 'none.json')), /can not be read/)
    const symmetric = { kty: 'oct', k: 'c2VjcmV0' }
    await assert.rejects(createSealer(symmetric, manualClock(0 as Instant), log), /EC or OKP/)
  })
})
