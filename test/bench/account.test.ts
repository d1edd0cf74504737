import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { checkOurs, checkRun, type Run } from '../../bench/edge/account.ts'
import type { Span } from '../../bench/edge/clients.ts'
import { openSession, type Session } from '../../bench/edge/session.ts'
import { AssertionFailed } from '../../src/kernel/assert.ts'

const SPAN: Span = { unit: 'requests', warm: 100, measure: 300 }
const ALL = 400

describe('a bench of the edge is held to what it says', () => {
  let session: Session
  before(async () => {
    session = await openSession({ peers: 'none' })
  })
  after(() => session.close())

  test('every request of ours is metered, authorized, forwarded, receipted and counted', async () => {
    await session.closed(session.ours, 'mix', SPAN)
    assert.equal(session.checked(), ALL)
    await session.closed(session.ours, 'first_seen', SPAN)
    assert.equal(session.checked(), 2 * ALL)
  })

  for (const [what, change] of Object.entries({
    'an answer without its quota': { tally: { metered: 9 }, upstream: {} },
    'an answer without a receipt': { tally: { receipted: 9 }, upstream: {} },
    'a request forwarded without a passport': { tally: {}, upstream: { passports: 9 } },
  })) {
    test(`the bench fails on ${what}`, async () => {
      const right = {
        tally: { byStatus: { 200: 10 }, answers: 10, metered: 10, receipted: 10 },
        upstream: { requests: 10, passports: 10 },
      }
      const wrong = { tally: { ...right.tally, ...change.tally }, upstream: { ...right.upstream, ...change.upstream } }
      await assert.rejects(checkOurs(session.ours, wrong, session.checked()), AssertionFailed)
    })
  }

  const run = (byStatus: Record<number, number>, requests: number): Run => {
    const answers = Object.values(byStatus).reduce((sum, count) => sum + count, 0)
    return { tally: { byStatus, answers, metered: 0, receipted: 0 }, upstream: { requests, passports: 0 } }
  }
  for (const [what, wrong] of Object.entries({
    'an answer that the upstream did not give': run({ 200: 10 }, 9),
    'a request that reached the upstream though it was denied': run({ 200: 9, 403: 1 }, 10),
    'an error': run({ 200: 9, 502: 1 }, 9),
  })) {
    test(`the bench fails on ${what}`, () => assert.throws(() => checkRun('a proxy', wrong), AssertionFailed))
  }

  test('and not on what is right', () => checkRun('a proxy', run({ 200: 5, 201: 4, 403: 1 }, 9)))
})
