import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import { type Instant, systemClock } from '../../src/kernel/clock.ts'
import { readPublicKey, type SigningKey, signWebhook, verifyWebhook } from '../../src/platform/standard-webhooks.ts'
import { deskKeyIn } from '../../src/sandbox/desk-key.ts'
import { startReviewDesk } from '../../src/sandbox/review-desk.ts'
import type { StandIn } from '../../src/sandbox/stand-in.ts'

const secret = `whsec_${randomBytes(32).toString('base64')}`
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const ours: SigningKey = { scheme: 'v1', secret }

/** The platform's side: what arrived at the callback. */
const arrived: { headers: Record<string, string | string[] | undefined>; body: Buffer }[] = []
const platform = createServer(async (incoming, outgoing) => {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  arrived.push({ headers: incoming.headers, body: Buffer.concat(chunks) })
  outgoing.writeHead(409, { 'content-type': 'application/problem+json' }).end('{"code":"case_closed"}')
})

let desk: StandIn
let callback = ''
before(async () => {
  await new Promise<void>((done) => platform.listen(0, '127.0.0.1', done))
  callback = `http://127.0.0.1:${(platform.address() as AddressInfo).port}/v1/reviews/decisions`
  desk = await startReviewDesk({ host: '127.0.0.1', port: 0, secret, privateKey, clock: systemClock })
})
after(async () => {
  await desk.close()
  platform.closeAllConnections()
  platform.close()
})

const notice = (id: string) =>
  JSON.stringify({
    type: 'review.case.opened',
    case: id,
    caseVersion: 1,
    snapshotHash: 'sha256:0',
    callback,
    facts: {},
  })
const post = async (path: string, body: string, headers: Record<string, string> = {}) => {
  const all = { 'content-type': 'application/json', ...headers }
  const answer = await request(desk.url + path, { method: 'POST', headers: all, body })
  const text = await answer.body.text()
  return { status: answer.statusCode, body: text === '' ? null : JSON.parse(text) }
}
const tell = (id: string, body: string, key: SigningKey = ours) =>
  post('/cases', body, { ...signWebhook([key], systemClock, id, body) })
const inbox = async () => {
  const { items } = (await (await request(`${desk.url}/inbox`)).body.json()) as { items: { body: { case: string } }[] }
  return items.map(({ body }) => body.case)
}

test('it keeps what is rightly signed, once for each message', async () => {
  assert.equal((await tell('msg_1', notice('case_1'))).status, 204)
  assert.equal((await tell('msg_1', notice('case_1'))).status, 204)
  assert.equal((await tell('msg_2', notice('case_2'))).status, 204)
  assert.deepEqual(await inbox(), ['case_1', 'case_2'])
})

test('it refuses what is unsigned, altered or signed with another key', async () => {
  const body = notice('case_forged')
  const other = `whsec_${randomBytes(32).toString('base64')}`
  const signed = { ...signWebhook([ours], systemClock, 'msg_3', body) }
  assert.equal((await post('/cases', body)).status, 401)
  assert.equal((await post('/cases', notice('case_other'), signed)).status, 401)
  assert.equal((await tell('msg_4', body, { scheme: 'v1', secret: other })).status, 401)
  assert.equal((await tell('msg_5', body, { scheme: 'v1a', privateKey })).status, 401)
  assert.ok(!(await inbox()).includes('case_forged'))
})

test('a decision leaves signed with v1a, and the platform decides what it is answered', async () => {
  await tell('msg_6', notice('case_6'))
  const asked = { case: 'case_6', vote: 'approve', reviewer: 'rita', reason: 'fine' }
  const answers = [await post('/decide', JSON.stringify(asked)), await post('/decide', JSON.stringify(asked))]
  for (const answer of answers) assert.deepEqual(answer, { status: 409, body: { code: 'case_closed' } })
  const [one, two] = arrived.splice(0)
  assert.ok(one !== undefined && two !== undefined)
  assert.ok(verifyWebhook([{ scheme: 'v1a', publicKey }], systemClock, one.headers, one.body).ok)
  const { nonce, ...decision } = JSON.parse(String(one.body))
  assert.deepEqual(decision, { ...asked, caseVersion: 1, snapshotHash: 'sha256:0' })
  assert.notEqual(nonce, JSON.parse(String(two.body)).nonce)
})

test('a test may have it decide wrongly', async () => {
  await tell('msg_7', notice('case_7'))
  const wrong = { nonce: 'n', caseVersion: 2, snapshotHash: 'sha256:1' }
  const timestamp = 1_000_000_000
  await post('/decide', JSON.stringify({ case: 'case_7', vote: 'approve', reviewer: 'rita', timestamp, ...wrong }))
  const [sent] = arrived.splice(0)
  assert.ok(sent !== undefined)
  assert.deepEqual(JSON.parse(String(sent.body)), {
    case: 'case_7',
    vote: 'approve',
    reviewer: 'rita',
    reason: '',
    ...wrong,
  })
  const then = { now: () => (timestamp * 1000) as Instant }
  assert.ok(verifyWebhook([{ scheme: 'v1a', publicKey }], then, sent.headers, sent.body).ok)
})

test('it decides nothing it was not told of, and nothing it can not read', async () => {
  const asked = { case: 'case_unknown', vote: 'approve', reviewer: 'rita' }
  assert.equal((await post('/decide', JSON.stringify(asked))).status, 404)
  assert.equal((await post('/decide', JSON.stringify({ ...asked, extra: 1 }))).status, 400)
  assert.equal((await post('/decide', '{"case":')).status, 400)
  assert.deepEqual(arrived, [])
})

test('the inbox is bounded: the oldest message makes room', async () => {
  for (let index = 0; index < 1_001; index++) await tell(`bulk_${index}`, notice(`case_bulk_${index}`))
  const kept = await inbox()
  assert.equal(kept.length, 1_000)
  assert.ok(!kept.includes('case_bulk_0'))
  assert.equal(kept.at(-1), 'case_bulk_1000')
})

test('its key is made once and readable by nobody else; the public half lies beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-desk-'))
  try {
    const [made, again] = [deskKeyIn(folder), deskKeyIn(folder)]
    assert.equal(again.publicKey, made.publicKey)
    assert.equal(await readFile(join(folder, 'review-desk.whpk'), 'utf8'), made.publicKey)
    assert.equal((await stat(join(folder, 'review-desk.whsk'))).mode & 0o777, 0o600)
    const headers = signWebhook([{ scheme: 'v1a', privateKey: again.privateKey }], systemClock, 'id', 'body')
    const key = { scheme: 'v1a', publicKey: readPublicKey(made.publicKey) } as const
    assert.ok(verifyWebhook([key], systemClock, headers, Buffer.from('body')).ok)
  } finally {
    await rm(folder, { recursive: true })
  }
})
