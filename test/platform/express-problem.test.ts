import assert from 'node:assert/strict'
import { test } from 'node:test'
import supertest from 'supertest'
import { createOperatorApp } from '../../src/edge/operator.ts'
import { Problem } from '../../src/kernel/problem.ts'
import { problemOfExpress } from '../../src/platform/express-problem.ts'
import { createLog } from '../../src/platform/log.ts'

test("the operator's listener refuses a broken, large or oddly encoded body as the caller's fault", async () => {
  const app = createOperatorApp({
    log: createLog('silent'),
    parts: {},
    draining: new AbortController().signal,
    edge: null,
    localCredential: 'secret',
  })
  const send = (body: string, type = 'application/json') =>
    supertest(app).post('/v1/cases').set({ authorization: 'Bearer secret', 'content-type': type }).send(body)
  for (const [answer, expected] of [
    [await send('{"vote":'), [400, 'invalid_json']],
    [await send(JSON.stringify('x'.repeat(65_537))), [413, 'body_too_large']],
    [await send('{}', 'application/json; charset=koi8-r'), [415, 'unsupported_media_type']],
  ] as const)
    assert.deepEqual([answer.status, answer.body.code], expected)
})

test('a problem stays what it is, and what nobody foresaw is ours', () => {
  const refusal = new Problem('not_found')
  assert.equal(problemOfExpress(refusal), refusal)
  for (const bug of [
    new Error('bug'),
    new URIError('our own'),
    'thrown',
    null,
    Object.assign(new Error(), { type: 'x' }),
  ])
    assert.equal(problemOfExpress(bug).code, 'internal_error')
})
