import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Score } from '../../../src/adapters/fraud/port.ts'
import { holdTerms } from '../../../src/policy/index.ts'
import type { Assessment } from '../../../src/services/risk/store.ts'
import { endsOf, scoreEach, strictest } from '../../../src/services/risk/strictest.ts'

const decided = (outcome: Assessment['outcome'], more: Partial<Assessment> = {}) =>
  ({ outcome, review: null, unchecked: false, ...more }) as Assessment

test('each payee is looked at once, however many legs go there', () => {
  const leg = (to: string) => ({ from: 'acc_a', to, amount: { currency: 'CNY', value: '1.00' } })
  assert.deepEqual(endsOf({ from: 'acc_a', to: 'acc_b' }), [{ from: 'acc_a', to: 'acc_b' }])
  const legs = [leg('acc_b'), leg('acc_c'), leg('acc_b')]
  assert.deepEqual(
    endsOf({ from: 'acc_a', to: 'acc_b', legs }).map(({ to }) => to),
    ['acc_b', 'acc_c'],
  )
})

test('the whole is as strictly decided as its strictest part', () => {
  const [accept, review, reject] = [decided('accept'), decided('review'), decided('reject')]
  const one = decided('hold', { terms: holdTerms(1, 2) })
  const two = decided('hold', { terms: holdTerms(2, 2) })
  const unchecked = decided('accept', { unchecked: true })
  assert.equal(strictest([accept, review, accept]), review)
  assert.equal(strictest([review, two, one]), two)
  assert.equal(strictest([one, reject, two]), reject)
  assert.equal(strictest([accept, unchecked]), unchecked)
  assert.equal(strictest([reject, null]), null, 'what is not decided for one is not decided')
})

test('scores are bought a few at a time, and no more once the provider is away', async () => {
  let running = 0
  let most = 0
  const asked: string[] = []
  const score = async ({ to }: { to: string }): Promise<Score> => {
    asked.push(to)
    most = Math.max(most, ++running)
    await Promise.resolve()
    running -= 1
    return to === '5' ? { status: 'unavailable', reason: 'timeout' } : ok
  }
  const ok: Score = { status: 'ok', decision: 'Accept', score: 1, seqId: 's', hitRules: [] }
  const ends = Array.from({ length: 12 }, (_, index) => ({ from: 'a', to: String(index) }))
  const scored = await scoreEach(ends, score)
  assert.deepEqual([most, asked.length], [4, 8])
  assert.deepEqual(
    scored.map(({ to }) => to),
    ends.map(({ to }) => to),
  )
  assert.deepEqual(
    scored.slice(8).map((each) => each.score.status),
    Array(4).fill('unavailable'),
  )
})
