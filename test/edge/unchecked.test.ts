import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { request } from 'undici'
import { assertRefused, type EdgeCalls, edgeCalls, eventually, movesNothing } from '../support/edge-calls.ts'
import { editFile, startTestPlatform, type TestPlatform, type TestPlatformOptions } from '../support/platform.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const BUDGET = "{ budget: { count: 2, amount: { currency: CNY, value: '100.00' }, per: 24h }, then: hold }"

/** The shipped policies, but for what they say of the fraud provider, who is away. */
async function startWithout(onError: string, options: TestPlatformOptions = {}) {
  const edit = (text: string) =>
    text
      .replace('onError: hold', `onError: ${onError}`)
      .replace('effect: reject\n', 'effect: reject\n    remedy: Ask your branch.\n')
  const platform = await startTestPlatform({ ...options, policies: { 'risk.yaml': edit } })
  await providerIs(platform, { down: true })
  return { platform, calls: edgeCalls(platform) }
}

async function providerIs({ urls }: TestPlatform, state: { readonly down: boolean }): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify(state)
  const answer = await request(`${urls['fraud-provider']}/control`, { method: 'POST', headers, body })
  assert.deepEqual(await answer.body.json(), state)
}

describe('while the fraud provider is away', () => {
  let platform: TestPlatform
  let calls: EdgeCalls
  before(async () => {
    ;({ platform, calls } = await startWithout(BUDGET))
  })
  after(() => platform.close())

  const operate = (target: string) => calls.operate('operator', 'GET', target)
  const metric = async (name: string) => {
    const lines = (await operate('/metrics')).text.split('\n')
    return lines.find((line) => line.startsWith(name))?.split(' ')[1]
  }
  const become = async (from: string, to: string) => {
    const bundle = async () => (await operate('/v1/policies')).body.bundle
    const old = await bundle()
    await editFile(join(platform.places.policies, 'risk.yaml'), (text) => text.replace(from, to))
    await eventually('the edit is in force', async () => (await bundle()) !== old)
  }

  test('a budget lets pass what it says, then holds; the operator sees which, the member does not', async () => {
    const passed = await calls.transfer('1.00', { key: 'first' })
    assert.equal(passed.status, 201, passed.text)
    assert.doesNotMatch(passed.text, /unchecked/)
    assert.equal((await calls.transfer('1.00')).status, 201)
    const held = await calls.transfer('1.00')
    assert.deepEqual([held.status, held.body.state], [202, 'held'], held.text)

    const receipt = await operate(`/v1/receipts/${passed.headers['tidegate-receipt']}`)
    const { id, rule, unchecked } = receipt.body.assessment
    assert.deepEqual([rule, unchecked], ['risk/unchecked-accept', true])
    assert.deepEqual(receipt.body.marks.tags, ['unchecked'])
    assert.equal((await operate(`/v1/assessments/${id}`)).body.unchecked, true)
    const kept = await operate(`/v1/receipts/${held.headers['tidegate-receipt']}`)
    assert.deepEqual([kept.body.assessment.unchecked, kept.body.marks.tags], [false, []])

    const again = await calls.transfer('1.00', { key: 'first' })
    assert.deepEqual([again.status, again.headers['idempotency-replayed']], [201, 'true'])
    assert.equal(await metric('tidegate_unchecked_total'), '2')
    assert.equal(await metric('tidegate_budget_left{callee="fraud-provider",what="count"}'), '0')
    assert.equal(await metric('tidegate_budget_left{callee="fraud-provider",what="amount"}'), '98')
    const { items } = (await operate('/v1/budgets')).body
    assert.deepEqual(items[0].amount.left, { currency: 'CNY', value: '98.00' })
  })

  test('closed: refused, to be sent again; the same key moves its money once the provider is back', async () => {
    await become(BUDGET, 'closed')
    await movesNothing(calls, async () => {
      const refused = await calls.transfer('1.00', { key: 'closed' })
      assertRefused(refused, 'dependency_unavailable')
      assert.match(refused.headers['retry-after'] ?? '', /^\d+$/)
    })
    await providerIs(platform, { down: false })
    const moved = await eventually('the breaker closes', async () => {
      const answer = await calls.transfer('1.00', { key: 'closed' })
      return answer.status === 503 ? null : answer
    })
    assert.equal(moved.status, 201, moved.text)
    assert.equal(await metric('tidegate_budget_left'), undefined)
  })

  test('a rejection tells the remedy of its rule, again to a retry; a rule that tells nothing tells nothing', async () => {
    const first = await calls.transfer('95000.00', { key: 'rejected' })
    assertRefused(first, 'risk_rejected')
    assert.deepEqual([first.body.remedy, first.headers['idempotency-replayed']], ['Ask your branch.', undefined])
    await become('    remedy: Ask your branch.\n', '    tells: nothing\n')
    const again = await calls.transfer('95000.00', { key: 'rejected' })
    assertRefused(again, 'risk_rejected')
    assert.deepEqual([again.body.remedy, again.headers['idempotency-replayed']], ['Ask your branch.', 'true'])
    const other = await calls.transfer('95000.00')
    assertRefused(other, 'risk_rejected')
    assert.deepEqual([other.body.detail, other.body.remedy, other.body.rule], [undefined, undefined, undefined])
  })
})

test('the upstream is told in the passport what passed unchecked', async () => {
  const upstream = await startRecordingUpstream()
  const config = (text: string) => text.replace(/cash-flow: \{ url: "[^"]+"/, `cash-flow: { url: "${upstream.url}"`)
  const { platform, calls } = await startWithout(BUDGET, { config })
  for (let n = 0; n < 3; n++) await calls.transfer('1.00')
  const tags = upstream.requests.map((sent) => {
    const payload = /tidegate-passport: v1\.[^.]+\.([^.]+)\./i.exec(sent)?.[1] ?? ''
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')).tags
  })
  assert.deepEqual(tags, [['unchecked'], ['unchecked'], []])
  await platform.close()
  await upstream.close()
})
