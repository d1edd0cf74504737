import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Response } from 'supertest'
import { assertRefused, type EdgeCalls, edgeCalls, eventually, movesNothing } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { decisionOn, type Notice, noticeOf, signDecision } from '../support/review-desk.ts'

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform()
  calls = edgeCalls(platform)
  const body = { account: 'acc_alice', amount: { currency: 'CNY', value: '500000.00' }, reference: 'for the cases' }
  assert.equal((await calls.call('operator', 'POST', '/v1/deposits', { key: 'seed', body })).status, 201)
})
after(() => platform.close())

function send(body: string, headers: Record<string, string>): Promise<Response> {
  return calls.call(null, 'POST', '/v1/reviews/decisions', { body, headers })
}

/** Holds a transfer of this amount; what the desk was told, and how the operation stands. */
async function hold(value: string): Promise<{ notice: Notice; state: () => Promise<string> }> {
  const held = await calls.transfer(value)
  assert.equal(held.status, 202, held.text)
  const state = async () =>
    (await calls.call('mem_alice', 'GET', `/v1/operations/${held.body.operation}`)).body.state as string
  return { notice: await noticeOf(platform, value), state }
}

describe("the review desk's callback", () => {
  let held: Awaited<ReturnType<typeof hold>>
  before(async () => {
    held = await hold('60000.00')
  })

  const unacceptable: Record<string, (body: string) => Promise<Record<string, string>>> = {
    'without a signature': async () => ({ 'content-type': 'application/json' }),
    'signed 301 s ago': (body) => signDecision(platform, body, { ageS: 301 }),
    'signed 310 s in the future': (body) => signDecision(platform, body, { ageS: -310 }),
    'signed with another key': (body) => {
      const { privateKey } = generateKeyPairSync('ed25519')
      return signDecision(platform, body, { key: { scheme: 'v1a', privateKey } })
    },
    'signed v1 with the secret that our own messages to the desk carry': async (body) => {
      const secret = (await readFile(join(platform.places.data, 'keys/review-desk.whsec'), 'utf8')).trim()
      return signDecision(platform, body, { key: { scheme: 'v1', secret } })
    },
    'signed for another body': (body) => signDecision(platform, body.replace('approve', 'decline')),
    'with the id of another message': async (body) => ({
      ...(await signDecision(platform, body)),
      'webhook-id': 'msg_1',
    }),
  }
  for (const [what, headersOf] of Object.entries(unacceptable)) {
    test(`a decision ${what} decides nothing`, async () => {
      await movesNothing(calls, async () => {
        const body = decisionOn(held.notice, { vote: 'approve' })
        assertRefused(await send(body, await headersOf(body)), 'invalid_signature')
      })
      assert.equal(await held.state(), 'held')
    })
  }

  test('a member can not decide with a token', async () => {
    const body = decisionOn(held.notice, { vote: 'approve' })
    const answer = await calls.call('mem_alice', 'POST', '/v1/reviews/decisions', { body })
    assertRefused(answer, 'invalid_signature')
  })

  test('a decision on other facts, of the maker, or on no case decides nothing', async () => {
    await movesNothing(calls, async () => {
      const attempts = [
        [decisionOn(held.notice, { vote: 'approve', caseVersion: 99 }), 'case_changed'],
        [decisionOn(held.notice, { vote: 'approve', snapshotHash: `sha256:${'0'.repeat(64)}` }), 'case_changed'],
        [decisionOn(held.notice, { vote: 'approve', reviewer: 'mem_alice' }), 'reviewer_not_allowed'],
        [decisionOn({ ...held.notice, case: 'case_unknown' }, { vote: 'approve' }), 'not_found'],
      ] as const
      for (const [body, code] of attempts) assertRefused(await send(body, await signDecision(platform, body)), code)
    })
    assert.equal(await held.state(), 'held')
  })

  test('who decides without a good signature is in no receipt', async () => {
    const { headers } = await send(decisionOn(held.notice, { vote: 'approve' }), { 'content-type': 'application/json' })
    const receipt = await calls.operate('operator', 'GET', `/v1/receipts/${headers['tidegate-receipt']}`)
    assert.equal(receipt.body.remark, null)
  })

  test('a decision that is not JSON, or of another shape, is refused behind a good signature', async () => {
    for (const [body, code] of [
      ['{"case"', 'invalid_json'],
      ['{"case":"x","vote":"maybe"}', 'validation_failed'],
    ] as const)
      assertRefused(await send(body, await signDecision(platform, body)), code)
  })

  test('a good decision counts; replayed it gets the same answer, its nonce with another body 409', async () => {
    const body = decisionOn(held.notice, { vote: 'approve', nonce: 'nonce-1' })
    const headers = await signDecision(platform, body)
    const first = await send(body, headers)
    assert.equal(first.status, 200, first.text)
    assert.equal(first.body.state, 'approved')
    await eventually('the transfer is posted', async () => (await held.state()) === 'succeeded')
    await movesNothing(calls, async () => {
      const replayed = await send(body, headers)
      assert.deepEqual([replayed.status, replayed.body], [200, first.body])
      const other = decisionOn(held.notice, { vote: 'decline', nonce: 'nonce-1' })
      assertRefused(await send(other, await signDecision(platform, other)), 'nonce_reused')
      const late = decisionOn(held.notice, { vote: 'decline', reviewer: 'rev_late' })
      const refused = await send(late, await signDecision(platform, late))
      assertRefused(refused, 'case_closed')
      assert.equal(refused.body.state.state, 'approved')
    })
  })

  test('where two must agree, one reviewer is not two', async () => {
    const { notice, state } = await hold('85000.00')
    const vote = async (reviewer: string) => {
      const body = decisionOn(notice, { vote: 'approve', reviewer })
      return send(body, await signDecision(platform, body))
    }
    const first = await vote('rev_rita')
    assert.deepEqual([first.status, first.body.approvals, first.body.needed], [200, 1, 2])
    const again = await vote('rev_rita')
    assertRefused(again, 'reviewer_not_allowed')
    for (const { headers } of [first, again]) {
      const receipt = await calls.operate('operator', 'GET', `/v1/receipts/${headers['tidegate-receipt']}`)
      assert.deepEqual(receipt.body.remark, { case: notice.case, reviewer: 'rev_rita', vote: 'approve' })
      assert.equal(headers['tidegate-remark'], undefined, 'nobody outside gets it')
    }
    assert.equal(await state(), 'held')
    assert.equal((await vote('rev_ravi')).body.state, 'approved')
    await eventually('the transfer is posted', async () => (await state()) === 'succeeded')
  })
})
