import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runAsync } from './async-chaos.ts'
import { emptyInbox, take } from './receivers.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings what makes it start sooner'
/** `npm run chaos -- async` sends as many, and more when asked to. */
const TRANSFERS = 5_000
const KILLS = 4

test('of transfers that are accepted to be made later none is lost, doubled or stuck while platform and receivers die', {
  skip,
  timeout: 400_000,
}, async () => {
  const run = { log: 'embedded', transfers: TRANSFERS, seed: 0, kills: KILLS, wantsAsync: true } as const
  const { accepted, effects, finalStates, webhooks, lost, doubled, stuck, disordered, killed } = await runAsync(run)
  assert.deepEqual({ lost, doubled, stuck, disordered }, { lost: 0, doubled: 0, stuck: 0, disordered: 0 })
  assert.deepEqual(
    [accepted, effects, finalStates, webhooks],
    Array.from({ length: 4 }, () => TRANSFERS),
  )
  assert.deepEqual(killed, { platform: KILLS / 2, receivers: KILLS / 2 })
})

test('a webhook that comes behind a gap, or tells of what was before, is seen; one that comes again in order is not', () => {
  const inbox = emptyInbox()
  const come = (...messages: readonly (readonly [sequence: number, cursor: number])[]): number => {
    for (const [sequence, cursor] of messages) {
      const data = { operation: `op_${sequence}` }
      take(inbox, JSON.stringify({ sequence, cursor: String(cursor), type: 'operation.succeeded', data }))
    }
    return inbox.disordered
  }
  assert.equal(come([1, 5], [2, 6], [3, 9], [2, 6], [3, 9], [4, 10]), 0)
  assert.deepEqual([inbox.again, inbox.operations.size], [2, 4])
  assert.equal(come([6, 12]), 1, 'a gap')
  assert.equal(come([7, 11]), 2, 'an earlier event of the member')
  assert.equal(come([2, 6], [7, 11]), 3, 'those that come again leave none out')
})
