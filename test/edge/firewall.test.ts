import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { stringify } from 'yaml'
import { proposeTuning } from '../../src/cli/policy/tune.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { runExamples } from '../../src/policy/index.ts'
import { compiled, shippedFiles } from '../policy/fixtures.ts'
import { assertRefused, type EdgeCalls, edgeCalls, eventually, movesNothing } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

const OWN = `kind: firewall
ruleset: { id: own, from: own, mode: shadow }
examples:
  - name: what is tried out denies nothing
    given: { request: { query: { q: tried } } }
    expect: { effect: allow, signs: ['1'] }
`
const RULES = `SecRule ARGS "@contains tried" "id:1,phase:2,deny,msg:'found %{MATCHED_VAR_NAME}'"\n`

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform()
  calls = edgeCalls(platform)
})
after(() => platform.close())

async function receiptOf(answer: { readonly headers: Readonly<Record<string, unknown>> }) {
  return eventually('the receipt', async () => {
    const { status, body } = await calls.operate(
      'operator',
      'GET',
      `/v1/receipts/${answer.headers['tidegate-receipt']}`,
    )
    return status === 200 && body
  })
}

describe('rulesets at the edge', () => {
  test('refuse an attack in the query before anyone is asked who sent it', async () => {
    const target = `/v1/transfers?idempotencyKey=${encodeURIComponent("x' OR 1=1 --")}`
    const answer = await calls.call(null, 'GET', target)
    assertRefused(answer, 'firewall_denied')
    const receipt = await receiptOf(answer)
    assert.deepEqual([receipt.stage, receipt.rule], ['screen', 'firewall/signatures'])
    const { found } = receipt.considered.find(({ rule }: { rule: string }) => rule === 'firewall/signatures')
    assert.equal(found.signs[0].variable, 'ARGS:idempotencyKey')
    assert.equal(JSON.stringify(receipt).includes('OR 1=1'), false, 'what matched is sealed')
  })

  test('refuse an attack in the body before risk control is asked and money moves', async () => {
    await movesNothing(calls, async () => {
      const answer = await calls.transfer('10.00', { reference: '<script>alert(1)</script>' })
      assertRefused(answer, 'firewall_denied')
      const receipt = await receiptOf(answer)
      assert.deepEqual([receipt.stage, receipt.assessment], ['inspect', null])
    })
  })

  test('are tuned by a receipt: what is proposed lets just that pass, and holds it with an example', async () => {
    const { headers } = await calls.transfer('10.00', { reference: "room 5' or 1=1 --" })
    const receipt = String(headers['tidegate-receipt'])
    await receiptOf({ headers })
    const get = async (path: string) => (await calls.operate('operator', 'GET', path)).body
    const keyFile = join(platform.places.data, 'keys/receipts.private.json')
    const { exclude, example } = await proposeTuning(
      { get, post: get, delete: get },
      receipt,
      keyFile,
      systemClock.now(),
    )
    assert.deepEqual(
      exclude.map(({ rule, target, routes }) => [rule, target, routes]),
      [
        ['sql-statement', 'ARGS:json.reference', ['transfers.create']],
        ['sql-tautology', 'ARGS:json.reference', ['transfers.create']],
      ],
    )
    assert.deepEqual(example.given.body, { reference: "room 5' or 1=1 --" })
    const tuned = stringify({ exclude }).replace(/^/gm, '  ').trimEnd()
    const examples = stringify([example]).replace(/^/gm, '  ').trimEnd()
    const text = `kind: firewall\nruleset:\n  id: tuned\n  from: policies/signatures\n${tuned}\nexamples:\n${examples}\n`
    const signatures = shippedFiles().filter(({ path }) => path.includes('/signatures/'))
    const passes = (policy: string) => {
      const files = [...signatures, { path: 'tuned.yaml', text: policy }]
      return runExamples(compiled(...files), files, systemClock.now()).find(({ file }) => file === 'tuned.yaml')?.ok
    }
    assert.equal(passes(text), true)
    assert.equal(passes(text.replace(tuned, '')), false, 'without what is proposed it is refused')
  })

  test('let pass what people write', async () => {
    assert.equal((await calls.transfer('10.00', { reference: "O'Neil & Sons; 房租, fish & chips" })).status, 201)
  })

  test('take effect from a folder of SecLang, in shadow: what they would refuse is noted', async () => {
    await mkdir(join(platform.places.policies, 'own'))
    await writeFile(join(platform.places.policies, 'own', 'rules.conf'), RULES)
    await writeFile(join(platform.places.policies, 'own.yaml'), OWN)
    const noted = await eventually('the ruleset to be in force', async () => {
      const answer = await calls.transfer('10.00', { reference: 'tried' })
      assert.equal(answer.status, 201)
      const { considered } = await receiptOf(answer)
      return considered.find(({ rule }: { rule: string }) => rule === 'firewall/own') ?? false
    })
    assert.deepEqual([noted.outcome, noted.found.signs[0].message], ['shadow', 'found ARGS:json.reference'])
  })

  test('that are broken change nothing: the last good bundle serves, and the fault is told with its place', async () => {
    await writeFile(join(platform.places.policies, 'own', 'rules.conf'), 'SecRule ARGS "@nothing x" "id:1,deny"\n')
    await eventually('the edit to be rejected', async () => {
      const ready = await fetch(`${platform.urls.operator}/readyz`)
      const { policies } = (await ready.json()) as { policies: { rejected: string | null } }
      return policies.rejected?.includes('own/rules.conf:1:15') === true
    })
    assertRefused(await calls.transfer('10.00', { reference: '<script>alert(1)</script>' }), 'firewall_denied')
  })
})

const CRS = '/usr/share/modsecurity-crs/rules'

test('The Core Rule Set of the system serves a request as it lies there', {
  skip: existsSync(CRS) ? false : 'not run: apt-get install modsecurity-crs',
}, async () => {
  const own = await startTestPlatform({
    policies: { 'signatures.yaml': (text) => text.replace('from: signatures', `from: ${CRS}`) },
  })
  try {
    const { transfer, call } = edgeCalls(own)
    assert.equal((await transfer('10.00', { reference: 'rent for May' })).status, 201)
    assertRefused(await transfer('10.00', { reference: "1' union select password from users--" }), 'firewall_denied')
    assertRefused(await call(null, 'GET', '/v1/transfers?idempotencyKey=../../etc/passwd'), 'firewall_denied')
  } finally {
    await own.close()
  }
})
