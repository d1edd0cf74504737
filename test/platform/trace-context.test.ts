import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readTraceContext, traceHeaders } from '../../src/platform/trace-context.ts'

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const stateOf = (tracestate: unknown) => readTraceContext(TRACEPARENT, tracestate)?.tracestate

describe('a trace context', () => {
  test('is taken and passed on as it was sent', () => {
    const state = 'rojo=00f067aa0ba902b7, tenant@congo=t61rcWkgMzE,k= a'
    const context = readTraceContext(TRACEPARENT, state)
    assert.deepEqual(context, { traceparent: TRACEPARENT, tracestate: state })
    assert.deepEqual(context && traceHeaders(context), { traceparent: TRACEPARENT, tracestate: state })
    assert.deepEqual(traceHeaders({ traceparent: TRACEPARENT, tracestate: null }), { traceparent: TRACEPARENT })
  })

  for (const [what, traceparent] of Object.entries({
    'none at all': undefined,
    'two of them': `${TRACEPARENT}, ${TRACEPARENT}`,
    'upper case': TRACEPARENT.toUpperCase(),
    'a trace id of zeros': `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    'a span id of zeros': `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
    'the version that may never be': TRACEPARENT.replace('00-', 'ff-'),
    'more than version 00 has': `${TRACEPARENT}-x`,
    'a line end': `${TRACEPARENT}\n`,
  }))
    test(`is none with ${what}`, () => assert.equal(readTraceContext(traceparent, 'a=b'), null))

  for (const [what, state] of Object.entries({
    'a member without a value': 'a=1,b',
    'a key in upper case': 'A=1',
    'a value that holds a comma and a space only': 'a= ,b=1',
    'more members than are passed on': Array.from({ length: 33 }, (_, n) => `k${n}=1`).join(','),
    'more characters than are passed on': `a=${'x'.repeat(512)}`,
    'characters beyond ASCII': 'a=\u00e9',
  }))
    test(`goes on without a state of ${what}`, () => assert.equal(stateOf(state), null))

  test('takes every state that the grammar makes, and nothing that would end a header line', () => {
    const all = Array.from({ length: 0x7f - 0x21 }, (_, at) => String.fromCharCode(0x21 + at))
    const key = fc.string({ unit: fc.constantFrom(...'abz09_-*/'), maxLength: 10 }).map((text) => `k${text}`)
    const value = fc.string({ unit: fc.constantFrom(...all.filter((each) => !',='.includes(each))), minLength: 1 })
    const members = fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(members, (pairs) => {
        const state = pairs.map((pair) => pair.join('=')).join(',')
        assert.equal(stateOf(state), state)
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const state = stateOf(text)
        assert.ok(state === null || /^[\t -~]*$/.test(state as string))
      }),
    )
  })
})
