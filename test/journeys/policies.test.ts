import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertRefused, type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { editFile, startTestPlatform, type TestPlatform } from '../support/platform.ts'

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform({ database: 'pglite' })
  calls = edgeCalls(platform)
})
after(() => platform.close())

/** A second is promised; a machine that runs other tests beside this one gets a little more. */
const EFFECT_MS_MAX = 3_000

const edit = (name: string, change: (text: string) => string) => editFile(join(platform.places.policies, name), change)

async function policies(): Promise<{ bundle: string; rejected: string | null }> {
  const { status, body } = await calls.operate('operator', 'GET', '/readyz')
  assert.equal(status, 200)
  return body.policies
}

/** What decides on a transfer; its verdict is kept for its key, so each question has a new one. */
const verdictOf = async (value: string) => {
  const answer = await calls.transfer(value)
  const { body } = await calls.operate('operator', 'GET', `/v1/receipts/${answer.headers['tidegate-receipt']}`)
  return { status: answer.status, rule: body.rule as string, bundle: body.bundle as string }
}

const DENY = `
  - id: nobody-reads-bob
    match: { paths: [/v1/accounts/acc_bob] }
    effect: deny
    why: Bob's account is closed to everyone today.
    remedy: Come back tomorrow.
    owner: security
`

const TEN_IS_MUCH = `rules:
  - id: ten-is-much
    match: { amount: { currency: CNY, from: '10.00' } }
    effect:
      hold: { approvals: 1, expiresAfter: 1h, onTimeout: decline }
    why: Ten is much today.
    owner: risk

`
const TEN_EXAMPLE = `
examples:
  - name: Ten is held
    given:
      transfer: { amount: { currency: CNY, value: '10.00' } }
    expect: { outcome: hold, rule: risk/ten-is-much }
`

describe('policies', () => {
  test('a rule that is added is in force within a second, and its refusal names it', async () => {
    const before = await policies()
    assert.match(before.bundle, /^sha256:[0-9a-f]{64}$/)
    await edit('firewall.yaml', (text) => text.replace('\nexamples:', `${DENY}\nexamples:`))
    const refused = await eventually(
      'the rule is in force',
      async () => {
        const answer = await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob')
        return answer.status !== 200 && answer
      },
      EFFECT_MS_MAX,
    )
    assertRefused(refused, 'firewall_denied')
    assert.equal(refused.body.rule, 'firewall/nobody-reads-bob')
    assert.equal(refused.body.remedy, 'Come back tomorrow.')
    assert.notEqual((await policies()).bundle, before.bundle)
    await edit('firewall.yaml', (text) => text.replace(DENY, ''))
    await eventually('the old bundle is back', async () => (await policies()).bundle === before.bundle, EFFECT_MS_MAX)
    assert.equal((await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob')).status, 200)
  })

  test('a broken edit changes nothing and is told with file, line and column', async () => {
    const before = await policies()
    await edit('access.yaml', (text) => text.replace('effect: deny', 'effect: dney'))
    const { rejected, bundle } = await eventually('the edit is rejected', async () => {
      const now = await policies()
      return now.rejected !== null && now
    })
    assert.match(rejected ?? '', /^access\.yaml:\d+:\d+: /)
    assert.equal(bundle, before.bundle, 'the last good bundle serves')
    assert.equal((await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob')).status, 200)
    assert.match((await calls.operate('operator', 'GET', '/metrics')).text, /tidegate_\w*polic\w* 1/)
    await edit('access.yaml', (text) => text.replace('effect: dney', 'effect: deny'))
    await eventually('the mended file is in force', async () => (await policies()).rejected === null)
  })

  test('a file that is gone half-way through a save drops no request', async () => {
    const answers: number[] = []
    const asking = (async () => {
      const end = performance.now() + 1_500
      while (performance.now() < end) answers.push((await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob')).status)
    })()
    for (let n = 0; n < 5; n++) {
      await edit('quota.yaml', (text) => `${text}# ${n}\n`)
      await sleep(200)
    }
    await asking
    assert.ok(answers.length > 5 && answers.every((status) => status === 200))
  })

  test('no amount band stands in the code: risk.yaml alone changes the verdict', async () => {
    const shipped = await verdictOf('10.00')
    assert.deepEqual([shipped.status, shipped.rule], [201, 'risk/provider-accepts'])
    await edit('risk.yaml', (text) => `${text.split('\nexamples:')[0]}`.replace('rules:\n', TEN_IS_MUCH) + TEN_EXAMPLE)
    await eventually('the new verdict', async () => (await verdictOf('10.00')).rule === 'risk/ten-is-much')
    assert.equal((await calls.transfer('10.00')).status, 202)
    assert.equal((await calls.transfer('9.99')).status, 201)
  })
})

describe('what operators see', () => {
  test('a receipt is findable within a second of its answer, with the rule that decided', async () => {
    const answer = await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob', { scope: 'products:read' })
    const target = `/v1/receipts/${answer.headers['tidegate-receipt']}`
    const found = await eventually(
      'the receipt',
      async () => {
        const { status, body } = await calls.operate('operator', 'GET', target)
        return status === 200 && body
      },
      EFFECT_MS_MAX,
    )
    assert.deepEqual([found.status, found.code, found.rule], [403, 'insufficient_scope', 'route/accounts.read'])
    assert.deepEqual(found.principal, { kind: 'member', id: 'mem_bob' })
    assert.ok(found.considered.length > 0)
    assert.equal((await calls.operate('operator', 'GET', '/v1/receipts/rcp_unknown')).status, 404)
  })

  test('probes and metrics answer everyone; the rest answers operators only', async () => {
    const probe = async (target: string) => (await fetch(`${platform.urls.operator}${target}`)).status
    assert.deepEqual(await Promise.all(['/healthz', '/readyz', '/metrics'].map(probe)), [200, 200, 200])
    const { body } = await calls.operate('operator', 'GET', '/readyz')
    const parts = ['cash-flow', 'edge', 'membership', 'product', 'risk', 'sandbox', 'settlement']
    assert.deepEqual(Object.keys(body.parts).sort(), parts)
    assert.ok(Object.values(body.parts).every((state) => state === 'ready'))
    for (const target of ['/v1/policies', '/v1/breakers', '/v1/cases', '/v1/receipts/rcp_x']) {
      assert.equal(await probe(target), 401, target)
      const member = await calls.operate('mem_alice', 'GET', target)
      assert.deepEqual([member.status, member.body.code], [403, 'insufficient_scope'], target)
    }
  })

  test('the security headers (helmet) stand on every answer, of edge and operator', async () => {
    const answers = [
      await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob'),
      await calls.call(null, 'GET', '/nowhere'),
      await calls.operate('operator', 'GET', '/healthz'),
    ]
    for (const { headers } of answers) {
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.match(headers['strict-transport-security'] ?? '', /max-age=31536000/)
      assert.match(headers['content-security-policy'] ?? '', /default-src/)
      assert.equal(headers['x-powered-by'], undefined)
    }
  })
})
