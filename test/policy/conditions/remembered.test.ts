import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { remembered } from '../../../src/policy/conditions/remembered.ts'

const saying = (agent?: string) => ({ request: { headers: agent === undefined ? {} : { 'user-agent': agent } } })

/** A condition that counts how often it is evaluated, and holds for `bad`. */
function counted(reads: readonly string[], lists: readonly string[] = []) {
  let evaluations = 0
  const evaluate = (context: Record<string, unknown>): boolean => {
    evaluations += 1
    const { agent } = context as { agent: string | undefined }
    if (agent === 'broken') throw new Error('it can not be evaluated')
    return agent === 'bad'
  }
  const holds = remembered(Object.assign(evaluate, { reads, lists }) as Parameters<typeof remembered>[0])
  return {
    ask: (agent?: string) => holds(saying(agent), { context: () => ({ agent }) }),
    evaluations: () => evaluations,
  }
}

describe('a condition on one header', () => {
  test('is evaluated once for each text, and once where the header is missing', () => {
    const { ask, evaluations } = counted(['request.headers["user-agent"]'])
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(['bad', 'good', undefined, ''].map(ask), [true, false, false, false])
    }
    assert.equal(evaluations(), 4)
  })

  test('is evaluated again where it could not be', () => {
    const { ask, evaluations } = counted(['request.headers["user-agent"]'])
    for (let round = 0; round < 2; round++) assert.throws(() => ask('broken'))
    assert.equal(evaluations(), 2)
  })

  test('remembers no more than a hundred texts, and none that is long', () => {
    const { ask, evaluations } = counted(['request.headers["user-agent"]'])
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 101; n++) assert.equal(ask(`agent ${n}`), false)
      assert.equal(ask('bad'), true)
    }
    assert.equal(evaluations() > 102 + 50, true)
    const before = evaluations()
    for (let round = 0; round < 2; round++) ask('x'.repeat(1_000))
    assert.equal(evaluations(), before + 2)
  })
})

test('a condition on the query is evaluated once for each query', () => {
  let evaluations = 0
  const evaluate = (context: Record<string, unknown>): boolean => {
    evaluations += 1
    return Object.keys(context['query'] as object).length > 1
  }
  const condition = Object.assign(evaluate, { reads: ['request.query'], lists: [] })
  const holds = remembered(condition as Parameters<typeof remembered>[0])
  const ask = (query: object) => holds({ request: { query } }, { context: () => ({ query }) })
  for (let round = 0; round < 3; round++) {
    assert.deepEqual([{}, { a: '1' }, { a: '1', b: '2' }, { a: '1,2' }].map(ask), [false, false, true, false])
  }
  assert.equal(evaluations, 4)
})

for (const [what, reads, lists] of [
  ['two headers', ['request.headers.accept', 'request.headers["user-agent"]'], []],
  ['all headers', ['request.headers'], []],
  ['a part of a header', ['request.headers.accept.x'], []],
  ['the path', ['request.path'], []],
  ['a list', ['request.headers["user-agent"]'], ['agents']],
] as const) {
  test(`a condition on ${what} is evaluated each time`, () => {
    const { ask, evaluations } = counted(reads, lists)
    for (let round = 0; round < 3; round++) ask('good')
    assert.equal(evaluations(), 3)
  })
}
