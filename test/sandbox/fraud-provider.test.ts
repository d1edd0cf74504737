import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import { startFraudProvider } from '../../src/sandbox/fraud-provider.ts'
import type { StandIn } from '../../src/sandbox/stand-in.ts'

let sandbox: StandIn
before(async () => {
  sandbox = await startFraudProvider({ host: '127.0.0.1', port: 0 })
})
after(() => sandbox.close())

const credential = { partner_code: 'tidegate', secret_key: 'k', event_id: 'transfer' }
const score = async (form: Record<string, string>) => {
  const answer = await request(`${sandbox.url}/riskService/v1.1`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...credential, ...form }).toString(),
  })
  return { status: answer.statusCode, text: await answer.body.text() }
}
const control = async (body: unknown) => {
  const headers = { 'content-type': 'application/json' }
  const answer = await request(`${sandbox.url}/control`, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: answer.statusCode, body: await answer.body.json() }
}

for (const [currency, amount, decision] of [
  ['CNY', '0.01', 'Accept'],
  ['CNY', '49999.99', 'Accept'],
  ['CNY', '50000.00', 'Review'],
  ['CNY', '89999.99', 'Review'],
  ['CNY', '90000.00', 'Reject'],
  ['JPY', '49999', 'Accept'],
  ['JPY', '50000', 'Review'],
  ['KWD', '89999.999', 'Review'],
] as const) {
  test(`${amount} ${currency} is scored ${decision}`, async () => {
    const { status, text } = await score({ currency, amount })
    const body = JSON.parse(text)
    assert.equal(status, 200)
    assert.deepEqual(
      [body.success, body.final_decision, typeof body.final_score, body.hit_rules.length > 0],
      [true, decision, 'number', decision !== 'Accept'],
    )
  })
}

test('each score has a sequence id of its own', async () => {
  const form = { currency: 'CNY', amount: '1.00' }
  const [one, two] = [await score(form), await score(form)]
  assert.notEqual(JSON.parse(one.text).seq_id, JSON.parse(two.text).seq_id)
})

test('a reference makes it fail as asked', async () => {
  const form = { currency: 'CNY', amount: '1.00' }
  assert.equal((await score({ ...form, reference: 'x sandbox:error' })).status, 500)
  const garbage = await score({ ...form, reference: 'sandbox:garbage x' })
  assert.equal(garbage.status, 200)
  assert.throws(() => JSON.parse(garbage.text))
})

test('without a credential, or with an amount that is none, it refuses to score', async () => {
  for (const form of [{ secret_key: '', currency: 'CNY', amount: '1.00' }, { currency: 'CNY', amount: '1' }, {}])
    assert.equal(JSON.parse((await score(form)).text).success, false)
})

test('down it drops connections, but can be brought back', async () => {
  const form = { currency: 'CNY', amount: '1.00' }
  assert.deepEqual(await control({ down: true }), { status: 200, body: { down: true } })
  await assert.rejects(score(form))
  await assert.rejects(score(form))
  assert.deepEqual(await control({ down: false }), { status: 200, body: { down: false } })
  assert.equal((await score(form)).status, 200)
  assert.equal((await control({ down: 'perhaps' })).status, 400)
})
