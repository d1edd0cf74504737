import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type CryptoKey, SignJWT } from 'jose'
import type { Passport } from '../../src/platform/passport.ts'
import { signingKeyIn } from '../../src/sandbox/signing-key.ts'
import { assertRefused, type EdgeCalls, edgeCalls, transferOf } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.ts'

const ACCOUNT = '/v1/accounts/acc_alice'
const says = (word: string) => `"request.headers[?'x-test'].orValue('') == '${word}'"`
const EXCUSED = "owner: security, expires: '2999-01-01T00:00:00Z'"

const FIREWALL = `
  - { id: tags, when: ${says('suspect')}, effect: { tag: [suspect, watched] } }
  - { id: known, when: ${says('known')}, effect: { skip: [firewall/probe, risk/tiny] }, ${EXCUSED} }
  - { id: probe, when: ${says('known')}, effect: deny, why: Probes are refused. }
  - { id: other-probe, when: ${says('probe')}, effect: deny, why: Probes are refused. }
`
const ACCESS = `
  - id: strong
    when: ${says('strong')}
    effect: { stepUp: { acr: [urn:example:gold, phr], maxAge: 5m } }
    why: This asks for a key.
    remedy: Sign in with your key.
  - { id: quiet, when: ${says('quiet')}, effect: deny, why: It is a trap., remedy: Go away., tells: nothing }
  - { id: spoken, when: ${says('spoken')}, effect: deny, why: Not on Sundays., remedy: Come on Monday. }
  - { id: broken, when: "claims.absent == 'x'", effect: allow }
  - { id: no-clerks, match: { roles: [clerk] }, effect: deny }
`
const QUOTA = `
  - { id: trap, when: ${says('trap')}, effect: { throttle: { limit: 1, per: 1h, key: principal, cost: request } }, tells: nothing }
`
const RISK = `
  - { id: suspect, match: { tagged: [watched] }, effect: reject, why: The request was tagged. }
  - { id: tiny, match: { amount: { currency: CNY, below: '0.50' } }, effect: reject, why: It is tiny. }
`

let platform: TestPlatform
let calls: EdgeCalls
let upstream: RecordingUpstream
let signing: { kid: string; privateKey: CryptoKey }

before(async () => {
  upstream = await startRecordingUpstream()
  const first = (rules: string) => (text: string) => text.replace('rules:\n', `rules:${rules}`)
  platform = await startTestPlatform({
    config: (text) => text.replace(/cash-flow: \{ url: "[^"]+"/, `cash-flow: { url: "${upstream.url}"`),
    policies: {
      'firewall.yaml': first(FIREWALL),
      'access.yaml': first(ACCESS),
      'quota.yaml': first(QUOTA),
      'risk.yaml': first(RISK),
    },
  })
  calls = edgeCalls(platform)
  signing = await signingKeyIn(join(platform.places.data, 'keys'))
})
after(async () => {
  await platform.close()
  await upstream.close()
})

const nowS = (): number => Math.floor(Date.now() / 1000)

/** Reads Alice's account with a token that has these claims too. */
async function read(word: string, claims: Readonly<Record<string, unknown>> = {}) {
  const token = await new SignJWT({
    iss: platform.urls['identity-provider'],
    aud: 'tidegate',
    sub: 'mem_alice',
    client_id: 'test',
    scope: 'accounts:read',
    iat: nowS(),
    exp: nowS() + 600,
    jti: randomUUID(),
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: signing.kid })
    .sign(signing.privateKey)
  return calls.call(null, 'GET', ACCOUNT, { headers: { authorization: `Bearer ${token}`, 'x-test': word } })
}

async function receiptOf(answer: { readonly headers: Record<string, string> }) {
  const found = await calls.operate('operator', 'GET', `/v1/receipts/${answer.headers['tidegate-receipt']}`)
  assert.equal(found.status, 200, found.text)
  return found.body
}

function passportOf(request: string): Passport {
  const payload = /^tidegate-passport: [^.]+\.[^.]+\.([^.]+)\./im.exec(request)?.[1] ?? ''
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Passport
}

describe('a step-up', () => {
  test('is asked for as RFC 9470 has it', async () => {
    const answer = await read('strong')
    assertRefused(answer, 'step_up_required')
    const challenge =
      'Bearer realm="tidegate", error="insufficient_user_authentication", acr_values="urn:example:gold phr", max_age="300"'
    assert.equal(answer.headers['www-authenticate'], challenge)
    const { rule, detail, remedy } = answer.body
    assert.deepEqual([rule, detail, remedy], ['access/strong', 'This asks for a key.', 'Sign in with your key.'])
  })

  test('is satisfied by a token that tells of it, and not by one that is too old', async () => {
    assert.equal((await read('strong', { acr: 'phr', auth_time: nowS() - 10 })).status, 200)
    assertRefused(await read('strong', { acr: 'phr', auth_time: nowS() - 400 }), 'step_up_required')
    assertRefused(await read('strong', { acr: 'silver', auth_time: nowS() }), 'step_up_required')
  })
})

describe('a denial tells its caller', () => {
  test('why, and what would help', async () => {
    const { body } = await read('spoken')
    assert.deepEqual([body.rule, body.detail, body.remedy], ['access/spoken', 'Not on Sundays.', 'Come on Monday.'])
  })

  test('nothing but the title where the rule says so; the receipt has it all', async () => {
    const answer = await read('quiet')
    assertRefused(answer, 'policy_denied')
    assert.deepEqual(Object.keys(answer.body).sort(), ['code', 'receipt', 'status', 'title', 'type'])
    const { rule, detail, remedy } = await receiptOf(answer)
    assert.deepEqual([rule, detail, remedy], ['access/quiet', 'It is a trap.', 'Go away.'])
  })

  test('nor of a quota in the headers', async () => {
    const [first, second] = [await read('trap'), await read('trap')]
    assertRefused(second, 'quota_exceeded')
    for (const answer of [first, second]) assert.doesNotMatch(JSON.stringify([answer.headers, answer.text]), /trap/)
    assert.match(first.headers['ratelimit-policy'] ?? '', /^"member-requests";q=1000;w=10$/)
    assert.equal((await receiptOf(second)).rule, 'quota/trap')
  })
})

describe('a mark', () => {
  test('of tags reaches the upstream in the passport, and the receipt', async () => {
    const answer = await read('suspect')
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(passportOf(upstream.requests.at(-1) ?? '').tags, ['suspect', 'watched'])
    assert.deepEqual((await receiptOf(answer)).marks, { tags: ['suspect', 'watched'], skips: [] })
    await read('')
    assert.deepEqual(passportOf(upstream.requests.at(-1) ?? '').tags, [])
  })

  test('of a skip keeps the rules that it names from a request, and no others', async () => {
    assert.equal((await read('known')).status, 200)
    const refused = await read('probe')
    assertRefused(refused, 'firewall_denied')
    assert.equal(refused.body.rule, 'firewall/other-probe')
  })

  test('reaches risk control', async () => {
    const transfer = (word: string) =>
      calls.call('mem_alice', 'POST', '/v1/transfers', {
        key: randomUUID(),
        body: transferOf('0.10'),
        headers: { 'x-test': word },
      })
    const tagged = await transfer('suspect')
    assertRefused(tagged, 'risk_rejected')
    assert.equal(tagged.body.rule, 'risk/suspect')
    const tiny = await transfer('')
    assertRefused(tiny, 'risk_rejected')
    assert.equal(tiny.body.rule, 'risk/tiny')
    assert.equal((await transfer('known')).status, 200)
  })
})

test('Roles of a token are matched, written as texts or as RFC 7643 has them', async () => {
  for (const roles of [['clerk'], ['auditor', { value: 'clerk', primary: true }]]) {
    const answer = await read('', { roles })
    assertRefused(answer, 'policy_denied')
    assert.equal(answer.body.rule, 'access/no-clerks')
  }
  for (const roles of ['clerk', [7, null, { display: 'clerk' }], { value: 'clerk' }]) {
    assert.equal((await read('', { roles })).status, 200)
  }
})

test('A rule that can not be evaluated is counted by its name', async () => {
  const count = async (): Promise<number> => {
    const { text } = await calls.operate('operator', 'GET', '/metrics')
    return Number(/^tidegate_policy_errors_total\{rule="access\/broken"\} (\d+)$/m.exec(text)?.[1] ?? 0)
  }
  const counted = await count()
  assert.equal((await read('')).status, 200)
  assert.equal(await count(), counted + 1)
})
