import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PROBLEMS, Problem, type ProblemCode } from '../../src/kernel/problem.ts'

describe('problems', () => {
  test('every code has an HTTP error status and a title of its own', () => {
    const titles = Object.values(PROBLEMS).map(([, title]) => title)
    assert.equal(new Set(titles).size, titles.length)
    for (const [status] of Object.values(PROBLEMS)) assert.ok(status >= 400 && status < 600)
  })

  test('every 401 names a scheme, every 429 and 503 says when to come again', () => {
    for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
      const { status, headers } = new Problem(code)
      assert.equal('www-authenticate' in headers, status === 401, code)
      assert.equal('retry-after' in headers, status === 429 || status === 503, code)
    }
    assert.equal(new Problem('overloaded', { headers: { 'retry-after': '7' } }).headers['retry-after'], '7')
  })

  test('the body says what is safe to say, and nothing of the cause', () => {
    const cause = new Error('password: hunter2')
    const problem = new Problem('policy_denied', { detail: 'no', rule: 'access/x', remedy: 'ask', status: 451, cause })
    assert.deepEqual(problem.toBody('rcp_1'), {
      type: 'urn:tidegate:problem:policy_denied',
      title: PROBLEMS.policy_denied[1],
      status: 451,
      code: 'policy_denied',
      detail: 'no',
      rule: 'access/x',
      remedy: 'ask',
      receipt: 'rcp_1',
    })
    assert.equal(problem.cause, cause)
  })

  test('whatever is thrown becomes a problem; what is not one is our bug', () => {
    const known = new Problem('not_found')
    assert.equal(Problem.from(known), known)
    const unknown = Problem.from(new TypeError('x is not a function'))
    assert.equal(unknown.code, 'internal_error')
    assert.doesNotMatch(JSON.stringify(unknown.toBody()), /is not a function/)
  })
})
