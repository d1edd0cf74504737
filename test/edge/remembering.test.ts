import assert from 'node:assert/strict'
import { test } from 'node:test'
import { remembering } from '../../src/edge/remembering.ts'

test('what was said of a text is at hand, of a long one never, and of none once there were too many', () => {
  const asked: string[] = []
  const isShort = remembering((text) => {
    asked.push(text)
    return text.length < 10
  })
  const long = 'x'.repeat(1_000)
  for (const text of ['a', 'a', '', '', long, long]) assert.equal(isShort(text), text.length < 10)
  assert.deepEqual(asked, ['a', '', long, long])
  for (let n = 0; n < 1_000; n++) isShort(`n${n}`)
  asked.length = 0
  assert.equal(isShort('a'), true)
  assert.deepEqual(asked, ['a'])
})
