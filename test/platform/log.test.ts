import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '../../src/kernel/problem.ts'
import { createLog } from '../../src/platform/log.ts'

/** What stands in the log, as text, after this was written to it. */
function logged(fields: object, message = 'it happened'): string {
  const lines: string[] = []
  createLog('debug', { write: (line) => void lines.push(line) }).error(fields, message)
  return lines.join('')
}

const SECRET = 'hunter2-hunter2'
const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtZW1fYWxpY2UifQ.c2lnbmF0dXJl'

describe('a log line', () => {
  for (const [where, fields] of Object.entries({
    'the headers of a request': { request: { headers: { authorization: `Bearer ${SECRET}`, dpop: SECRET } } },
    'raw header lines': { rawHeaders: ['Host', 'a.test', 'Set-Cookie', SECRET, 'X-Api-Key', SECRET] },
    'pairs of headers': { headers: [['cookie', SECRET]] as const },
    'a map of headers': { headers: new Map([['proxy-authorization', SECRET]]) },
    'names of every form': {
      client_secret: SECRET,
      refreshToken: SECRET,
      'Tidegate-Passport': SECRET,
      password: SECRET,
    },
    'a body': { call: { body: { name: SECRET, reference: SECRET } }, rawBody: Buffer.from(SECRET) },
    'what someone hung on an error': { err: Object.assign(new Error('no'), { config: { headers: { dpop: SECRET } } }) },
    'the cause of a cause': {
      err: new Problem('internal_error', { cause: new Error('no', { cause: { token: SECRET } }) }),
    },
    'one of several errors': { err: new AggregateError([Object.assign(new Error('no'), { secret: SECRET })], 'all') },
    'a row that a database quotes': { err: Object.assign(new Error('unique'), { detail: `Key (name)=(${SECRET})` }) },
    'the parameters of a query': { err: Object.assign(new Error('syntax'), { params: [SECRET] }) },
    'the message of an error': { err: new Error(`refused: authorization: Bearer ${SECRET}`) },
    'a URL': { url: `postgres://tidegate:${SECRET}@db.test/x`, next: `/v1/things?a=1&access_token=${SECRET}` },
    'a webhook secret in a text': { detail: `whsec_${SECRET}` },
  }))
    test(`shows no secret in ${where}`, () => {
      const text = logged(fields)
      assert.ok(!text.includes(SECRET), text)
      assert.ok(!text.includes('0x68'), text)
      assert.equal(JSON.parse(text).msg, 'it happened')
    })

  test('shows no token in its message, and goes on behind it', () => {
    const { msg } = JSON.parse(logged({}, `token ${JWT}, passport v1.k1.${'a'.repeat(40)}.${'b'.repeat(43)}: refused`))
    assert.equal(msg, 'token [redacted], passport [redacted]: refused')
  })

  test('tells what went wrong, and why that did', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const line = JSON.parse(logged({ receipt: 'rcp_1', err: new Error('no answer', { cause }), n: 7n }))
    assert.deepEqual([line.receipt, line.n, line.err.type, line.err.message], ['rcp_1', '7', 'Error', 'no answer'])
    assert.match(line.err.stack, /log\.test\.ts/)
    const both = JSON.parse(logged({ err: new AggregateError([cause], 'all of them') }))
    assert.equal(both.err.errors[0].code, 'ECONNREFUSED')
    assert.deepEqual([line.err.cause.message, line.err.cause.code], ['connect ECONNREFUSED', 'ECONNREFUSED'])
  })

  test('ends, however much it is given and however it is wound up', () => {
    const round: Record<string, unknown> = { text: 'x'.repeat(1_000_000) }
    round['again'] = Array.from({ length: 50 }, () => round)
    assert.ok(logged({ round }).length < 200_000)
  })

  test('is one JSON object whatever stands in it, and has no secret at any depth', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 4 }, fc.string(), fc.constant(new Error('x')), tie('list'), tie('object')),
      list: fc.array(tie('any'), { maxLength: 4 }),
      object: fc.dictionary(fc.constantFrom('a', 'err', 'token', 'cause', '__proto__'), tie('any'), { maxKeys: 4 }),
    })).any
    fc.assert(
      fc.property(value, fc.constantFrom('secret', 'Authorization', 'access_token'), (inner, name) => {
        const text = logged({ inner, deep: { inner, list: [{ [name]: SECRET, inner }] } })
        assert.ok(!text.includes(SECRET))
        assert.equal(text.indexOf('\n'), text.length - 1)
        JSON.parse(text)
      }),
    )
  })
})
