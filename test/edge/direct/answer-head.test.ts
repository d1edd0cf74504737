import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headText } from '../../../src/edge/direct/answer-head.ts'
import type { Answer } from '../../../src/edge/exchange.ts'

const usual = { lines: ['x-usual', '1'], text: 'x-usual: 1\r\n' }
const headOf = (lines: Answer['headers'], status = 200): string[] =>
  headText({ status, usual, lines, closes: false }, 5_000, 0).split('\r\n')

test('an answer says when it was made once, and in the words of who made it', () => {
  const then = 'Tue, 01 Jan 2019 00:00:00 GMT'
  const dates = (lines: readonly string[]): readonly string[] => lines.filter((line) => /^date:/i.test(line))
  assert.deepEqual(dates(headOf([['date', then]])), [`date: ${then}`])
  assert.equal(dates(headOf([])).length, 1)
})

test('the time of an answer is of its second', async ({ mock }) => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000_500 })
  const another = '../../../src/edge/direct/answer-head.ts?another' // that has not known the time before
  const { headText } = (await import(another)) as {
    headText: typeof import('../../../src/edge/direct/answer-head.ts').headText
  }
  const dated = (): string => headText({ status: 200, usual, lines: [], closes: false }, 5_000, 0)
  const first = dated()
  assert.match(first, /Date: Thu, 01 Jan 1970 00:16:40 GMT/)
  mock.timers.tick(499)
  assert.equal(dated(), first)
  mock.timers.tick(1)
  assert.match(dated(), /00:16:41 GMT/)
})

test('what becomes of its connection is said once, and not by who made the answer', () => {
  const said = headOf([['connection', 'x-odd']]).filter((line) => /^connection:/i.test(line))
  assert.deepEqual(said, ['Connection: keep-alive'])
})

test('a status has its phrase', () => {
  assert.equal(headOf([], 404)[0], 'HTTP/1.1 404 Not Found')
  assert.equal(headOf([], 599)[0], 'HTTP/1.1 599 Unknown')
})

test('what a header may hold is sent as it is, each value in its line', () => {
  const lines = headOf([['x-odd', ['a\tb\x80\xff~', '']]])
  assert.deepEqual(lines.slice(1, 4), ['x-usual: 1', 'x-odd: a\tb\x80\xff~', 'x-odd: '])
})

const oddLines: Readonly<Record<string, Answer['headers'][number]>> = {
  'that would end its line': ['x-odd', 'a\r\nset-cookie: b=1'],
  'of which one value would end its line': ['x-odd', ['a', 'b\nc']],
  'whose name would end its line': ['x-odd: a\r\nset-cookie', 'b=1'],
  'with a character that no header may hold': ['x-odd', 'a\x01'],
  'with the last one of ASCII': ['x-odd', 'a\x7f'],
  'with a character of more than one byte': ['x-odd', '\u010d\u010a'],
}
for (const [what, line] of Object.entries(oddLines)) {
  test(`a header ${what} is not sent`, () => assert.throws(() => headOf([line]), /x-odd/))
}
