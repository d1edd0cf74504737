import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ProblemCode } from '../../src/kernel/problem.ts'
import {
  assertRefused,
  type CallOptions,
  type EdgeCalls,
  edgeCalls,
  movesNothing,
  transferOf,
} from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform({
    config: (text) => text.replace('body_bytes_max: 1048576', 'body_bytes_max: 4096'),
  })
  calls = edgeCalls(platform)
})
after(() => platform.close())

/** A transfer that is good but for what the test changes; nothing may move by it. */
async function refusesTransfer(code: ProblemCode, options: CallOptions): Promise<Record<string, unknown>> {
  let body: Record<string, unknown> = {}
  await movesNothing(calls, async () => {
    const answer = await calls.transfer('1.00', options)
    assertRefused(answer, code)
    body = answer.body
  })
  return body
}

describe('what is refused', () => {
  test('a route that is not listed is not served', async () => {
    for (const target of ['/v1/secrets', '/', '/internal/feed', '/openapi.json', '/V1/transfers'])
      assertRefused(await calls.call('operator', 'GET', target), 'route_not_found')
  })

  test('a method the route does not take is answered with those it takes', async () => {
    const answer = await calls.call('mem_alice', 'DELETE', '/v1/transfers')
    assertRefused(answer, 'method_not_allowed')
    assert.equal(answer.headers['allow'], 'GET, HEAD, POST')
  })

  test('a body of another content type is not read', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=utf-16',
      'multipart/form-data; boundary=x',
    ])
      await refusesTransfer('unsupported_media_type', { headers: { 'content-type': type } })
    const answer = await calls.transfer('1.00', { headers: { 'content-type': 'application/json; charset=utf-8' } })
    assert.equal(answer.status, 201, answer.text)
  })

  test('a compressed body is not read', async () => {
    await refusesTransfer('unsupported_content_encoding', { headers: { 'content-encoding': 'gzip' } })
  })

  test('a body over the limit is refused, with its length announced or without', async () => {
    const body = JSON.stringify(transferOf('1.00', 'x'.repeat(5_000)))
    await refusesTransfer('body_too_large', { body })
    await movesNothing(calls, async () => {
      const answer = await fetch(`${platform.urls.edge}/v1/transfers`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await platform.token('mem_alice')}`,
          'content-type': 'application/json',
          'idempotency-key': 'chunked',
        },
        body: new Blob([body]).stream(), // sent in chunks, without Content-Length
        duplex: 'half',
      })
      const problem = (await answer.json()) as Record<string, unknown>
      assert.deepEqual([answer.status, problem['code']], [413, 'body_too_large'])
      assert.equal(answer.headers.get('tidegate-receipt'), problem['receipt'])
    })
  })

  const badJson: Record<string, string> = {
    broken: '{"from":"acc_alice"',
    'with a key twice': JSON.stringify(transferOf('1.00')).replace('{"from"', '{"from":"acc_bob","from"'),
    'with a key twice, once escaped': JSON.stringify(transferOf('1.00')).replace(
      '{"from"',
      '{"fr\\u006fm":"acc_bob","from"',
    ),
    'with __proto__': JSON.stringify(transferOf('1.00')).replace('{"from"', '{"__proto__":{"x":1},"from"'),
    'with constructor': JSON.stringify(transferOf('1.00')).replace('{"from"', '{"constructor":{"x":1},"from"'),
    'that starts with a byte order mark': `\u{FEFF}${JSON.stringify(transferOf('1.00'))}`,
    'nested too deep': `${'['.repeat(40)}${']'.repeat(40)}`,
    'that is empty': ' ',
  }
  for (const [what, body] of Object.entries(badJson)) {
    test(`JSON ${what} is refused`, async () => {
      await refusesTransfer('invalid_json', { body })
    })
  }

  const amount = (value: unknown, currency: unknown = 'CNY') => ({ ...transferOf('1.00'), amount: { currency, value } })
  const badShapes: Record<string, unknown> = {
    'an unknown field': { ...transferOf('1.00'), colour: 'red' },
    'an unknown field in the amount': { ...transferOf('1.00'), amount: { currency: 'CNY', value: '1.00', x: 1 } },
    'a missing field': { ...transferOf('1.00'), to: undefined },
    'an id of another kind': { ...transferOf('1.00'), to: 'mem_bob' },
    'a reference with a control character': transferOf('1.00', 'lu\u0000nch'),
    'a reference that is empty': transferOf('1.00', ''),
    'a reference of 141 characters': transferOf('1.00', 'x'.repeat(141)),
    'a list for a body': [transferOf('1.00')],
    'an amount with one decimal': amount('1.0'),
    'an amount with three decimals': amount('1.000'),
    'an amount without decimals': amount('1'),
    'a negative amount': amount('-1.00'),
    'an amount of zero': amount('0.00'),
    'an amount with an exponent': amount('1e2'),
    'an amount with a plus': amount('+1.00'),
    'an amount with leading zeros': amount('001.00'),
    'an amount that is a JSON number': amount(1),
    'an amount beyond what is kept': amount('99999999999999999.00'),
    'a currency that is not kept': amount('1.00', 'XXX'),
  }
  for (const [what, body] of Object.entries(badShapes)) {
    test(`${what} is refused, and the field is named`, async () => {
      const problem = await refusesTransfer('validation_failed', { body })
      assert.ok(Array.isArray(problem['errors']) && problem['errors'].length > 0)
    })
  }

  test('a transfer without an Idempotency-Key, or with a malformed one, is refused', async () => {
    await movesNothing(calls, async () => {
      const answer = await calls.call('mem_alice', 'POST', '/v1/transfers', { body: transferOf('1.00') })
      assertRefused(answer, 'idempotency_key_required')
    })
    for (const key of ['two words', '"unclosed', 'x'.repeat(256), '""'])
      await refusesTransfer('idempotency_key_malformed', { key })
  })

  test('a used Idempotency-Key with another body is refused, whatever that body says', async () => {
    assert.equal((await calls.transfer('2.00', { key: 'used' })).status, 201)
    await refusesTransfer('idempotency_key_reused', { key: 'used', body: transferOf('3.00') })
    await refusesTransfer('idempotency_key_reused', { key: '"used"', body: transferOf('95000.00') })
  })

  test('not enough money: nothing moves, and the answer stays the same under its key', async () => {
    const poor = { from: 'acc_bob', to: 'acc_alice', amount: { currency: 'CNY', value: '1.00' }, reference: 'r' }
    await movesNothing(calls, async () => {
      const product = { member: 'mem_bob', product: 'prd_basic', currency: 'CNY' }
      const account = await calls.call('mem_bob', 'POST', '/v1/accounts', { body: product })
      assert.equal(account.status, 201, account.text)
      const body = { ...poor, from: account.body.id }
      const answer = await calls.call('mem_bob', 'POST', '/v1/transfers', { key: 'poor', body })
      assertRefused(answer, 'insufficient_funds')
      const again = await calls.call('mem_bob', 'POST', '/v1/transfers', { key: 'poor', body })
      assertRefused(again, 'insufficient_funds')
      assert.equal(again.headers['idempotency-replayed'], 'true')
    })
  })

  test('money to an account that is not there, or in another currency, stays where it is', async () => {
    await refusesTransfer('unknown_reference', { body: { ...transferOf('1.00'), to: 'acc_nobody' } })
    await refusesTransfer('currency_mismatch', {
      body: { ...transferOf('1.00'), amount: { currency: 'EUR', value: '1.00' } },
    })
    await refusesTransfer('unacceptable_value', { body: { ...transferOf('1.00'), to: 'acc_alice' } })
  })

  test('a query the route does not know is refused', async () => {
    assertRefused(await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice?colour=red'), 'validation_failed')
    assertRefused(await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice/entries?limit=101'), 'validation_failed')
  })
})
