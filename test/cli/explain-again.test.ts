import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import { type Explanation, explanationText } from '../../src/cli/explain/explanation.ts'
import { explainReceipt } from '../../src/cli/explain/receipt.ts'
import { runCli } from '../support/cli.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { editFile, startTestPlatform, type TestPlatform } from '../support/platform.ts'

const RULES = `
  - id: strangers
    match: { paths: [/v1/accounts/acc_bob], kinds: [member] }
    when: request.headers[?'x-branch'].orValue('') == 'north'
    effect: deny
    tells: change
    why: The north does not read this account.
`

const branch = (name: string) => `"request.headers[?'x-branch'].orValue('') == '${name}'"`
const MARKS = `
  - { id: west, when: ${branch('west')}, effect: { tag: [west] } }
  - id: east
    when: ${branch('east')}
    effect: { skip: [firewall/closed, risk/east] }
    owner: security
    expires: 2999-01-01T00:00:00Z
  - { id: closed, when: ${branch('east')}, effect: deny }
`
const RISK = `
  - { id: west, match: { tagged: [west] }, effect: reject }
  - { id: east, when: "transfer.reference == 'east'", effect: reject }
`
const ONCE = `
  - id: once
    match: { paths: [/v1/accounts/acc_alice] }
    effect: { throttle: { limit: 1, per: 1h, key: principal, cost: request } }
    owner: security
`

const MUCH = `
  - id: much
    match: { amount: { currency: CNY, from: '700.00', below: '800.00' } }
    effect: reject
    tells: change
    why: Much.
    owner: risk
`

let platform: TestPlatform
let calls: EdgeCalls
before(async () => {
  const first = (rules: string) => (text: string) => text.replace('rules:\n', `rules:${rules}\n`)
  platform = await startTestPlatform({
    policies: {
      'access.yaml': first(RULES),
      'firewall.yaml': first(MARKS),
      'quota.yaml': first(ONCE),
      'risk.yaml': first(RISK + MUCH),
    },
  })
  calls = edgeCalls(platform)
})
after(() => platform.close())

const run = (...args: string[]) => runCli(args, platform.environment)

async function explained(receipt: string | undefined, ...more: string[]): Promise<Explanation> {
  return eventually('the receipt', async () => {
    const { code, stdout } = await run('explain', '--receipt', receipt ?? '', '--json', ...more)
    return code === 0 && JSON.parse(stdout)
  })
}

const fromTheNorth = () =>
  calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob', { headers: { 'x-branch': 'north', 'user-agent': 'test' } })

describe('a receipt that is decided again', () => {
  test('comes to the same, denied by a sealed fact, and the change that was told to the caller would have passed', async () => {
    const denied = await fromTheNorth()
    assert.deepEqual([denied.status, denied.body.rule], [403, 'access/strangers'])
    assert.deepEqual(denied.body.change, ['as an operator'])
    const explanation = await explained(denied.headers['tidegate-receipt'])
    assert.deepEqual([explanation.again?.outcome, explanation.again?.notes], ['same', []])
    assert.deepEqual(explanation.wouldPass, ['as an operator'])
    assert.deepEqual(
      [explanation.again?.today?.differs, explanation.again?.today?.decides],
      [false, '403 policy_denied by access/strangers'],
    )
  })

  test('of a rejected transfer says with which amount it would have passed, to the caller and again to a retry', async () => {
    const key = 'rejected-once'
    const change = ['with an amount of at most CNY 699.99']
    for (const replayed of [undefined, 'true']) {
      const rejected = await calls.transfer('750.00', { key })
      assert.deepEqual([rejected.status, rejected.body.change], [403, change])
      assert.equal(rejected.headers['idempotency-replayed'], replayed)
      const explanation = await explained(rejected.headers['tidegate-receipt'])
      assert.deepEqual([explanation.again?.outcome, explanation.wouldPass], ['same', change])
    }
    assert.equal((await calls.transfer('699.99')).status, 201)
  })

  test('comes to the same for each way that a request ends', async () => {
    const answers = [
      await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob'),
      await calls.call(null, 'GET', '/v1/accounts/acc_bob'),
      await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob', { scope: 'products:read' }),
      await calls.call('mem_bob', 'POST', '/v1/transfers', { body: {}, key: 'wrong' }),
      await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob?file=../../x'),
      await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice'),
      await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice'),
      await calls.transfer('10.00'),
      await calls.transfer('50000.00'),
      await calls.transfer('95000.00'),
    ]
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 401, 403, 400, 403, 200, 429, 201, 202, 403],
    )
    for (const { status, headers, body } of answers) {
      const { again } = await explained(headers['tidegate-receipt'])
      assert.deepEqual([again?.outcome, again?.notes], ['same', []], `${status} ${body.code}`)
      assert.equal(again?.today?.differs, false, `${status} ${body.code}: ${again?.today?.decides}`)
    }
  })

  test('comes to the same with what earlier rules left on the request, which decided nothing themselves', async () => {
    const west = await calls.transfer('10.00', { headers: { 'x-branch': 'west' } })
    const east = await calls.transfer('10.00', { headers: { 'x-branch': 'east' }, reference: 'east' })
    assert.deepEqual([west.status, west.body.rule, east.status], [403, 'risk/west', 201])
    for (const { headers } of [west, east]) {
      const { again, stages } = await explained(headers['tidegate-receipt'])
      assert.deepEqual([again?.outcome, again?.notes], ['same', []])
      assert.equal(stages.find(({ stage }) => stage === 'screen')?.rule, 'firewall/default-allow')
    }
  })

  test('is decided by the policies of then, and says what those of now decide', async () => {
    const denied = await fromTheNorth()
    const loosened = (text: string) => text.replace("== 'north'", "== 'south'")
    await editFile(join(platform.places.policies, 'access.yaml'), loosened)
    await eventually('the edit is in force', async () => (await fromTheNorth()).status === 200)
    const { again, bundle } = await explained(denied.headers['tidegate-receipt'])
    assert.deepEqual([again?.outcome, again?.notes], ['same', []])
    assert.equal(again?.today?.differs, true)
    assert.match(again?.today?.decides ?? '', /^allow by access\//)
    assert.notEqual(again?.today?.bundle, bundle)
    const { stdout } = await run('explain', '--receipt', denied.headers['tidegate-receipt'] ?? '')
    assert.match(stdout, /^decided again +the same$/m)
    assert.match(stdout, /^policies of now +decide otherwise: allow by access\//m)
  })

  test('with a key that does not open it is an error, not a guess', async () => {
    const denied = await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob?file=../../x')
    await explained(denied.headers['tidegate-receipt'])
    const { privateKey } = await generateKeyPair('ECDH-ES+A256KW', { extractable: true })
    const file = join(platform.places.data, 'other.private.json')
    await writeFile(file, JSON.stringify(await exportJWK(privateKey)))
    const { code, stderr } = await run('explain', '--receipt', denied.headers['tidegate-receipt'] ?? '', '--key', file)
    assert.equal(code, 1)
    assert.match(stderr, /does not open what is sealed/)
  })
})

describe('a denial that no rule allows', () => {
  test('names the nearest rule and what it lacked', async () => {
    const request = ['--method', 'GET', '--path', '/v1/accounts/acc_bob']
    const roles = (text: string) =>
      text.replace('kinds: [member, operator]', 'kinds: [member, operator], roles: [auditor]')
    await editFile(join(platform.places.policies, 'zz-access-default.yaml'), roles)
    const token = await platform.token('mem_bob')
    const { stdout } = await run('explain', ...request, '--token', token, '--header', 'user-agent: test')
    assert.match(stdout, /^answer +403 policy_denied$/m)
    assert.match(stdout, /^nearest rule +access\/declared-scopes-suffice, which asks for the role auditor$/m)
    assert.match(stdout, /^would have passed +with the role auditor$/m)
  })
})

test('a body that is longer than its route takes is explained as it is answered', async () => {
  const body = join(platform.places.data, 'long-body.json')
  await writeFile(body, JSON.stringify({ note: 'x'.repeat(65_536) }))
  const { stdout } = await run('explain', '--method', 'POST', '--path', '/v1/reviews/decisions', '--body', `@${body}`)
  assert.match(stdout, /^answer +413 body_too_large$/m)
})

test('a connection that was refused before a byte was read is explained too', async () => {
  const kept = {
    ...{
      receipt: 'rcp_1',
      at: '2026-03-01T12:00:00.000Z',
      source: '203.0.113.7',
      stage: 'accept',
      rule: 'firewall/bad',
    },
    ...{
      code: 'firewall_denied',
      detail: 'No.',
      remedy: null,
      considered: [],
      bundle: 'sha256:0',
      status: null,
      refused: 3,
    },
  }
  const operator = { get: async () => kept, post: async () => null, delete: async () => null }
  const text = explanationText(await explainReceipt(operator, 'rcp_1', null))
  assert.match(text, /^request +a connection from 203\.0\.113\.7$/m)
  assert.match(text, /^rule +firewall\/bad$/m)
  assert.doesNotMatch(text, / pass /)
})
