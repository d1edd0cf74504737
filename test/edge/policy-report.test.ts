import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type PolicyReport, type RuleReport, reportOn } from '../../src/edge/policy-report.ts'
import type { Instant } from '../../src/kernel/clock.ts'
import { runCli } from '../support/cli.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

const TRIAL = `
  - id: trial
    match: { amount: { currency: CNY, from: '20.00' } }
    effect: reject
    mode: shadow
    owner: risk
    ticket: RISK-1
    expires: 2126-01-01T00:00:00Z
  - id: broken
    when: "'none'.substring(9) == 'x'"
    effect: accept
    owner: risk
`

let platform: TestPlatform
let calls: EdgeCalls
before(async () => {
  platform = await startTestPlatform({
    policies: { 'risk.yaml': (text) => text.replace('rules:\n', `rules:${TRIAL}\n`) },
  })
  calls = edgeCalls(platform)
})
after(() => platform.close())

async function reportWith(rule: string, holds: (it: RuleReport) => boolean): Promise<PolicyReport> {
  return eventually(`${rule} in the report`, async () => {
    const { body } = await calls.operate('operator', 'GET', '/v1/policies/report')
    const report = body as PolicyReport
    return report.rules.some((it) => it.rule === rule && holds(it)) && report
  })
}

describe('the report on policies', () => {
  test('counts hits, shadow hits, errors, members and money by rule, a retry once', async () => {
    const receipts = []
    for (const value of ['10.00', '30.00', '40.00']) {
      const answer = await calls.transfer(value)
      assert.equal(answer.status, 201)
      receipts.push(answer.headers['tidegate-receipt'])
    }
    const retried = {
      key: 'once',
      body: { from: 'acc_bob', to: 'acc_alice', amount: { currency: 'CNY', value: '1.00' }, reference: 'tea' },
    }
    for (let n = 0; n < 2; n++) await calls.call('mem_bob', 'POST', '/v1/transfers', retried)
    await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob', { scope: 'products:read' })
    const report = await reportWith('route/accounts.read', ({ hits }) => hits === 1)
    const of = (rule: string) => report.rules.find((it) => it.rule === rule)
    const trial = of('risk/trial')
    assert.deepEqual([trial?.hits, trial?.shadowHits, trial?.errors], [0, 2, 0])
    assert.deepEqual(trial?.money, [{ currency: 'CNY', value: '70.00' }])
    assert.deepEqual(trial?.receipts, [receipts[2], receipts[1]])
    const accepted = of('risk/provider-accepts')
    assert.deepEqual([accepted?.hits, accepted?.members], [4, 2])
    assert.deepEqual(accepted?.money, [{ currency: 'CNY', value: '81.00' }])
    assert.equal(of('risk/broken')?.errors, 4)
    const { text } = await calls.operate('operator', 'GET', '/metrics')
    assert.match(text, /^tidegate_policy_errors_total\{rule="risk\/broken"\} 4$/m)
    assert.deepEqual([report.estimated, report.membersCapped, report.allowedSample], [false, false, 1])
  })

  test('says how far back it reaches, leaves out what was before, and passes over a torn line', async () => {
    await appendFile(join(platform.places.data, 'decisions/decisions.jsonl'), '{"receipt":"rcp_torn","at":"2\n')
    const { body } = await calls.operate('operator', 'GET', '/v1/policies/report?since=2126-01-01T00:00:00Z')
    assert.deepEqual([body.decisions, body.rules], [0, []])
    assert.match(body.reachesBackTo, /^20\d\d-/)
    assert.equal((await calls.operate('operator', 'GET', '/v1/policies/report?since=soon')).status, 400)
    assert.equal((await calls.operate('mem_alice', 'GET', '/v1/policies/report')).status, 403)
  })

  test('is printed by tidegate policy report', async () => {
    const { code, stdout } = await runCli(['policy', 'report', '--since', '1h'], platform.environment)
    assert.equal(code, 0)
    assert.match(stdout, /^risk\/trial +0 +2 +0 +1 +70\.00 CNY +rcp_/m)
    assert.match(stdout, /^kept +all$/m)
    assert.equal((await runCli(['policy', 'report', '--since', 'yesterday'], platform.environment)).code, 2)
  })
})

test('a quota that could not be evaluated and was used up is one receipt, and its money counts once', async () => {
  const at = '2026-03-01T12:00:00.000Z'
  const quota = { rule: 'quota/much', effect: 'throttle', mode: 'enforce' }
  const considered = ['error', 'matched'].map((outcome) => ({ ...quota, outcome }))
  const assessment = { rule: 'risk/a', considered: [], amount: { currency: 'CNY', value: '5.00' }, replayed: false }
  async function* all() {
    yield { receipt: 'rcp_1', at, principal: { id: 'mem_1' }, considered, rule: 'quota/much', assessment }
  }
  const report = await reportOn({ all }, 0 as Instant, 1)
  const [much] = report.rules
  assert.deepEqual([much?.hits, much?.errors, much?.members, much?.receipts], [1, 1, 1, ['rcp_1']])
  assert.deepEqual(much?.money, [{ currency: 'CNY', value: '5.00' }])
})
