import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { assertRefused, type EdgeCalls, edgeCalls, eventually, movesNothing } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

const RULES = `rules:
  - id: no-gambling
    match: { routes: [transfers.create] }
    when: body.reference.lowerAscii().contains('casino') && body.amount >= money('CNY', '10.00')
    effect: deny
    why: Transfers to casinos are not made.
    remedy: Pay by card.
    owner: risk

`

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform({ policies: { 'access.yaml': (text) => text.replace('rules:\n', RULES) } })
  calls = edgeCalls(platform)
})
after(() => platform.close())

describe('a rule on the body, at the edge', () => {
  test('refuses what its condition holds for, before risk control is asked and money moves', async () => {
    await movesNothing(calls, async () => {
      const answer = await calls.transfer('10.00', { reference: 'Casino Royal' })
      assertRefused(answer, 'policy_denied')
      assert.equal(answer.body.rule, 'access/no-gambling')
      assert.equal(answer.body.remedy, 'Pay by card.')
      const receipt = await eventually('the receipt', async () => {
        const target = `/v1/receipts/${answer.headers['tidegate-receipt']}`
        const { status, body } = await calls.operate('operator', 'GET', target)
        return status === 200 && body
      })
      assert.deepEqual([receipt.stage, receipt.rule, receipt.assessment], ['inspect', 'access/no-gambling', null])
      assert.equal(JSON.stringify(receipt).includes('Royal'), false, 'what the body says is sealed')
    })
  })

  test('lets the rest pass as ever', async () => {
    assert.equal((await calls.transfer('9.99', { reference: 'Casino Royal' })).status, 201)
    assert.equal((await calls.transfer('10.00', { reference: 'lunch' })).status, 201)
  })

  test('is asked after the contract: what is no transfer is told so', async () => {
    assertRefused(await calls.transfer('10.00', { body: { reference: 'casino' } }), 'validation_failed')
  })
})
