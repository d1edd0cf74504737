import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { type Relay, startRelay } from '../support/relay.ts'

let platform: TestPlatform
let calls: EdgeCalls
let issuer: Relay

before(async () => {
  issuer = await startRelay()
  platform = await startTestPlatform({
    config: (text) =>
      text.replace(/jwks: "[^/]+/, `jwks: "${issuer.url}`).replace('identity:\n', `identity:\n${REFRESH}`),
  })
  issuer.leadTo(platform.urls['identity-provider'])
  calls = edgeCalls(platform)
})
after(async () => {
  await platform.close()
  await issuer.close()
})

const REFRESH = '  keys: { refresh_s: 1, cooldown_s: 1 }\n'
const issuers = () => calls.operate('operator', 'GET', '/v1/issuers')
const metric = async (name: string): Promise<number> => {
  const { text } = await calls.operate('operator', 'GET', '/metrics')
  const line = text
    .split('\n')
    .find((each) => each.startsWith(`${name}{issuer="${platform.urls['identity-provider']}"}`))
  return Number(line?.split(' ')[1])
}

test("the operator sees the issuers' keys, how old they are, and what is wrong with them", async () => {
  const first = await eventually('the keys are there', async () => {
    const { status, body } = await issuers()
    return status === 200 && body.items[0].lastError === null && body.items[0]
  })
  assert.equal(first.issuer, platform.urls['identity-provider'])
  assert.equal(first.kids.length, 1)
  assert.deepEqual(first.leftOut, [])
  assert.ok(first.attempts >= 1)
  assert.ok(Math.abs(Date.now() - Date.parse(first.fetchedAt)) < 60_000)
  assert.ok((await metric('tidegate_keys_age_seconds')) < 60)
  assert.equal(await metric('tidegate_keys_failed'), 0)

  await issuer.become('refuse')
  const failed = await eventually('the fault is seen', async () => {
    const [item] = (await issuers()).body.items
    return item.lastError !== null && item
  })
  assert.match(failed.lastError, /no answer/)
  assert.deepEqual(failed.kids, first.kids, 'the last good keys stay in force')
  assert.equal(await metric('tidegate_keys_failed'), 1)
})

test('a member sees none of it', async () => {
  const answer = await calls.operate('mem_alice', 'GET', '/v1/issuers')
  assert.equal(answer.status, 403, answer.text)
})
