import assert from 'node:assert/strict'
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { accountsOf, type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform()
  calls = edgeCalls(platform)
})
after(() => platform.close())

const run = (...args: string[]) => runCli(args, platform.environment)

async function runJson(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await run(...args, '--json')
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

describe('tidegate token', () => {
  test("the last line is a token that the edge takes, with the member's usual scopes", async () => {
    const { code, stdout } = await run('token', '--member', 'mem_alice')
    assert.equal(code, 0)
    const token = stdout.trim().split('\n').at(-1)
    const answer = await fetch(`${platform.urls.edge}/v1/accounts/acc_alice`, {
      headers: { authorization: `Bearer ${token}` },
    })
    assert.equal(answer.status, 200)
  })

  test('a scope and a lifetime are as asked for', async () => {
    const issued = await runJson('token', '--member', 'mem_bob', '--scope', 'accounts:read', '--ttl', '90s')
    assert.equal(issued['scope'], 'accounts:read')
    assert.equal(issued['expires_in'], 90)
  })
})

describe('tidegate breakers', () => {
  test('lists them all, keeps one open, and lets it judge again', async () => {
    const listed = await run('breakers')
    assert.equal(listed.code, 0, listed.stderr)
    for (const name of ['cash-flow', 'edge:risk', 'risk:fraud-provider', 'settlement:bank'])
      assert.match(listed.stdout, new RegExp(`^${name} +closed +20\\d\\d-\\S+Z$`, 'm'))
    const opened = await run('breakers', 'open', 'settlement:bank', '--reason', 'the bank is moving')
    assert.equal(opened.stdout, 'settlement:bank is open, kept so by op_local: the bank is moving\n')
    assert.match(
      (await run('breakers', 'events')).stdout,
      / settlement:bank +forced_open +op_local: the bank is moving$/m,
    )
    const released = await runJson('breakers', 'release', 'settlement:bank')
    assert.deepEqual([released['name'], released['forced']], ['settlement:bank', null])
  })

  test('one that there is not is named as such; without a name it is misuse', async () => {
    const { code, stderr } = await run('breakers', 'close', 'nobody')
    assert.deepEqual([code, stderr], [1, 'tidegate: 404 not_found: there is no breaker of this name\n'])
    assert.equal((await run('breakers', 'open')).code, 2)
  })
})

describe('tidegate ledger', () => {
  test('every row is as the journal tells it; the exit code says so', async () => {
    const { code, stdout, stderr } = await run('ledger', 'rebuild', '--verify')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^shard \d +record \d+ +[0-9a-f]{64}$/m)
    assert.match(stdout, /^all \d+ rows are as \d+ records tell them$/m)
    assert.match(stderr, /^\d+ of \d+ records, 0 differences$/m)
    const rebuilt = await runJson('ledger', 'rebuild', '--verify')
    assert.deepEqual(rebuilt['differences'], [])
  })

  test('a balance is explained down to the head of the chain', async () => {
    const held = await calls.transfer('50000.00')
    assert.equal(held.status, 202, held.text)
    const { code, stdout } = await run('ledger', 'explain', 'acc_alice', '--limit', '100')
    assert.equal(code, 0)
    assert.match(stdout, /^acc_alice: version \d+, [\d.]+ CNY posted, [\d.]+ pending$/m)
    assert.match(
      stdout,
      /^\d+ +20\S+Z +reserve debit +50000\.00 .* trf_\S+ +- +op_\S+ +asm_\S+ +rcp_\S+ +\d+ verified$/m,
    )
    assert.match(stdout, /^shard \d, records \d+ to \d+: each follows on the one before; the head is [0-9a-f]{64}$/m)
  })

  test('months are listed; the one that is not over is not exported, and no file is left of it', async () => {
    const month = new Date().toISOString().slice(0, 7)
    assert.match(
      (await run('ledger', 'months')).stdout,
      new RegExp(`^${month} +current +\\d+ entries +[\\d.]+ MiB +not exported$`, 'm'),
    )
    const file = join(platform.environment['TIDEGATE_DATA'] ?? '', 'entries.jsonl')
    for (const args of [
      ['export', month, '--to', file],
      ['detach', month],
    ]) {
      const { code, stderr } = await run('ledger', ...args)
      assert.deepEqual([code, stderr], [1, `tidegate: 409 conflict: ${month} is not over, or was only minutes ago\n`])
    }
    const { code, stderr } = await run('ledger', 'verify', file)
    assert.equal(code, 1)
    assert.match(stderr, /ENOENT/)
    await writeFile(
      file,
      '{"kind":"month","format":1,"month":"2026-05","chain":[]}\n{"kind":"end","records":0,"entries":0}\n',
    )
    assert.equal((await run('ledger', 'verify', file)).code, 0)
    await appendFile(file, '{}\n')
    assert.match((await run('ledger', 'verify', file)).stdout, /^line 3: is not a line of an exported month$/m)
  })

  test('what is not asked plainly is misuse', async () => {
    const months = [
      ['months', 'all'],
      ['export', '2026-05'],
      ['export', '2026-13', '--to', 'x'],
      ['verify'],
      ['attach', '2026-05'],
      ['detach'],
    ]
    for (const args of [['rebuild'], ['explain'], ['explain', 'alice'], ['mend'], ...months])
      assert.equal((await run('ledger', ...args)).code, 2, args.join(' '))
  })
})

describe('tidegate explain', () => {
  async function explainReceipt(receipt: string | undefined): Promise<Record<string, unknown>> {
    return eventually('the receipt', async () => {
      const { code, stdout } = await run('explain', '--receipt', receipt ?? '', '--json')
      return code === 0 && JSON.parse(stdout)
    })
  }
  const outcomes = (explanation: Record<string, unknown>): Record<string, string> =>
    Object.fromEntries(
      (explanation['stages'] as { stage: string; outcome: string }[]).map(({ stage, outcome }) => [stage, outcome]),
    )

  test('a receipt of a rejected transfer names the rule, the score behind it and the bundle', async () => {
    const rejected = await calls.transfer('95000.00')
    const explanation = await explainReceipt(rejected.headers['tidegate-receipt'])
    assert.equal(explanation['status'], 403)
    assert.equal(explanation['rule'], 'risk/provider-rejects')
    assert.match(String(explanation['bundle']), /^sha256:/)
    assert.equal((explanation['assessment'] as { provider: { decision: string } }).provider.decision, 'Reject')
    assert.deepEqual(
      { authorize: 'pass', assess: 'deny', forward: 'not reached' },
      (({ authorize, assess, forward }) => ({ authorize, assess, forward }))(outcomes(explanation)),
    )
  })

  test('a receipt of a transfer that passed shows every stage passing', async () => {
    const posted = await calls.transfer('10.00')
    const explanation = await explainReceipt(posted.headers['tidegate-receipt'])
    assert.equal(explanation['status'], 201)
    assert.deepEqual([...new Set(Object.values(outcomes(explanation)))], ['pass'])
  })

  const anyTransfer = ['explain', '--method', 'POST', '--path', '/v1/transfers']
  const body = JSON.stringify({
    from: 'acc_alice',
    to: 'acc_bob',
    amount: { currency: 'CNY', value: '1.00' },
    reference: 'tea',
  })

  test('a missing scope is named, with the token verified', async () => {
    const token = await platform.token('mem_alice', 'accounts:read')
    const { code, stdout } = await run(...anyTransfer, '--token', token)
    assert.equal(code, 0)
    assert.match(stdout, /^answer +403 insufficient_scope$/m)
    assert.match(stdout, /^why +the token lacks the scope transfers:write$/m)
    assert.match(stdout, /^to change it +ask for a token with the scope transfers:write$/m)
    assert.match(stdout, /^authenticate +pass +member mem_alice$/m)
  })

  test('a request that would pass is taken up to where only the running platform knows; nothing moves', async () => {
    const before = await accountsOf(calls)
    const token = await platform.token('mem_alice')
    const explanation = await runJson(
      ...[...anyTransfer, '--token', token, '--header', 'idempotency-key: k1', '--body', body],
    )
    assert.equal(explanation['status'], null)
    assert.deepEqual(outcomes(explanation), {
      receive: 'pass',
      admit: 'open',
      route: 'pass',
      screen: 'pass',
      authenticate: 'pass',
      meter: 'open',
      authorize: 'pass',
      validate: 'pass',
      inspect: 'pass',
      assess: 'open',
      forward: 'open',
    })
    assert.deepEqual(await accountsOf(calls), before)
  })

  test('a body is checked as the edge checks it', async () => {
    const token = await platform.token('mem_alice')
    const wrong = body.replace('"1.00"', '1')
    const explanation = await runJson(
      ...[...anyTransfer, '--token', token, '--header', 'idempotency-key: k1', '--body', wrong],
    )
    assert.equal(explanation['code'], 'validation_failed')
    assert.match(String(explanation['why']), /\/amount\/value/)
  })

  test('a blocked address meets the firewall before anyone asks for a token', async () => {
    const explanation = await runJson(...anyTransfer, '--ip', '203.0.113.7')
    assert.equal(explanation['rule'], 'firewall/blocked-addresses')
    assert.equal(outcomes(explanation)['authenticate'], 'not reached')
  })

  test('a token whose issuer can not be asked is taken at its word, and that is said', async () => {
    const token = await platform.token('mem_alice')
    const elsewhere = { ...platform.environment, TIDEGATE_URL_IDENTITY_PROVIDER: 'http://127.0.0.1:9' }
    const stranger = await runCli([...anyTransfer, '--token', token], elsewhere)
    assert.match(stranger.stdout, /invalid_token/) // its issuer is another one there
    const [head, claims, signature] = token.split('.')
    const iss = { ...JSON.parse(Buffer.from(claims ?? '', 'base64url').toString()), iss: 'http://127.0.0.1:9' }
    const unverifiable = [head, Buffer.from(JSON.stringify(iss)).toString('base64url'), signature].join('.')
    const { code, stdout } = await runCli([...anyTransfer, '--token', unverifiable], elsewhere)
    assert.equal(code, 0)
    assert.match(stdout, /^authenticate +pass +member mem_alice, signature not verified$/m)
  })
})
