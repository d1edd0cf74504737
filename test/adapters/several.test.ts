import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FraudProvider, Score, ScoreRequest } from '../../src/adapters/fraud/port.ts'
import { type HowMany, several } from '../../src/adapters/fraud/several.ts'
import { money } from '../../src/kernel/money.ts'

const REQUEST: ScoreRequest = {
  ...{ amount: money('CNY', 1n), from: 'a', to: 'b', reference: 'r', member: 'm', ip: '' },
  ...{ device: '', session: '', level: '' },
}
const never = new AbortController().signal

/** Providers that answer when the test says so, in the order that it says. */
function providersOf(count: number, howMany: HowMany) {
  const pending = Array.from({ length: count }, () => Promise.withResolvers<Score>())
  const named = pending.map(({ promise }, index) => ({
    name: `p${index}`,
    provider: {
      score: () => promise,
      details: async (seqId) => `of ${seqId}`,
      close: async () => {},
    } satisfies FraudProvider,
  }))
  const together = several(named, howMany)
  let came: Score | null = null
  const score = together.score(REQUEST, never, null).then((answer) => {
    came = answer
    return answer
  })
  return {
    together,
    score,
    answer: async (index: number, answer: Score): Promise<Score | null> => {
      pending[index]?.resolve(answer)
      await new Promise((done) => setImmediate(done))
      return came
    },
  }
}
const ok = (decision: string, score: number, rule?: string): Score => ({
  ...{ status: 'ok', decision, score, seqId: `s${score}`, hitRules: rule === undefined ? [] : [rule] },
})
const AWAY: Score = { status: 'unavailable', reason: 'timeout' }

test('all: the strictest decision and the highest score, once everyone has answered', async () => {
  const { answer, together } = providersOf(3, 'all')
  assert.equal(await answer(1, ok('Reject', 20, 'listed')), null)
  assert.equal(await answer(0, ok('Accept', 70)), null)
  assert.deepEqual(await answer(2, ok('Review', 10)), {
    status: 'ok',
    decision: 'Reject',
    score: 70,
    seqId: 'p1=s20 p0=s70 p2=s10',
    hitRules: ['p1: listed'],
  })
  assert.deepEqual(await together.details('p1=s20 p0=s70', never), { p1: 'of s20', p0: 'of s70' })
})

test('all: one that does not answer is enough for no score, at once', async () => {
  const { answer } = providersOf(3, 'all')
  assert.equal(await answer(0, ok('Accept', 1)), null)
  assert.deepEqual(await answer(1, AWAY), AWAY)
  assert.deepEqual(await answer(2, ok('Reject', 99)), AWAY, 'what comes after it changes nothing')
})

test('first: the first score counts, and only when none comes there is none', async () => {
  const one = providersOf(2, 'first')
  assert.equal(await one.answer(0, AWAY), null)
  assert.equal(((await one.answer(1, ok('Review', 5))) as { decision: string }).decision, 'Review')
  const none = providersOf(2, 'first')
  await none.answer(1, AWAY)
  assert.deepEqual(await none.answer(0, AWAY), AWAY)
})

test('quorum: as many scores as are asked for, or too few that can still come', async () => {
  const enough = providersOf(3, { quorum: 2 })
  assert.equal(await enough.answer(2, AWAY), null)
  assert.equal(await enough.answer(0, ok('Accept', 1)), null)
  assert.equal(((await enough.answer(1, ok('Review', 2))) as { decision: string }).decision, 'Review')
  const few = providersOf(3, { quorum: 2 })
  assert.equal(await few.answer(2, AWAY), null)
  assert.deepEqual(await few.answer(1, AWAY), AWAY)
})

test('a word that nobody knows is never taken for an acceptance, whatever comes first', async () => {
  for (const word of ['Perhaps', 'constructor', '__proto__']) {
    for (const [first, second] of [['Accept', word] as const, [word, 'Accept'] as const]) {
      const { answer } = providersOf(2, 'all')
      await answer(0, ok(first, 1))
      assert.equal(((await answer(1, ok(second, 2))) as { decision: string }).decision, word)
    }
  }
})
