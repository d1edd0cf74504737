import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createCredits } from '../../../src/services/cash-flow/credits.ts'
import { listAccepted } from '../../../src/services/cash-flow/store.ts'
import type { Claims } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, cny, key, openCashFlow, untilState } from './cash-flow.ts'

test('a shard is given no more than it granted, and nothing until that is done', async () => {
  const credits = createCredits(3)
  const done = Promise.withResolvers<string>()
  assert.throws(() => credits.spend(1, 4, async () => {}), /shard 1 is given no more than it granted/)
  const given = credits.spend(1, 3, () => done.promise)
  assert.deepEqual(credits.spent(), [1])
  assert.throws(() => credits.spend(1, 1, async () => {}), /no more than it granted/)
  await credits.spend(2, 3, async () => {})
  assert.deepEqual(credits.spent(), [1], 'another shard has credits of its own')
  done.resolve('done')
  assert.equal(await given, 'done')
  assert.deepEqual(credits.spent(), [])
  const failed = credits.spend(1, 2, async () => Promise.reject(new Error('the store is away')))
  await assert.rejects(failed, /the store is away/)
  assert.deepEqual(credits.spent(), [], 'what failed gives its credits back')
})

/** More than a shard is given at once. */
const OF_ALICE = 70
const OF_BOB = 4

/** Alice and Carol are in one shard, Bob is in another. */
onEachStore('accepted transfers of several shards', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false, writers: 4 })
  })
  after(() => under.close())

  const accept = async (claims: Claims, from: string, count: number): Promise<readonly string[]> => {
    const operations: string[] = []
    for (let nth = 0; nth < count; nth++) {
      const answer = await under.call('POST', '/v1/transfers', claims, {
        body: { from, to: 'acc_carol', amount: cny('1.00'), reference: 'later' },
        headers: { ...key(`${from}-${nth}`), prefer: 'respond-async' },
      })
      assert.equal(answer.status, 202)
      operations.push(answer.body.id)
    }
    return operations
  }

  test('are listed by shard, so many of each, and none of a shard that is at its work', async () => {
    const [ofAlice, ofBob] = [await accept(alice, 'acc_alice', OF_ALICE), await accept(bob, 'acc_bob', OF_BOB)]
    const counts = async (spent: readonly number[]) =>
      under.database.transaction(async (sql) => {
        const listed = await listAccepted(sql, spent, 64)
        return [...listed].map(([shard, commands]) => [shard, commands.length])
      })
    assert.deepEqual(await counts([]), [
      [1, 64],
      [3, OF_BOB],
    ])
    assert.deepEqual(await counts([1]), [[3, OF_BOB]])

    // PGlite has one session: nobody can be held up beside another.
    const isSlow = store.name === 'PostgreSQL'
    const held = Promise.withResolvers<void>()
    const locked = Promise.withResolvers<void>()
    const lock = under.database.transaction(async (sql) => {
      if (isSlow) await sql.query('SELECT FROM shard WHERE shard = 3 FOR UPDATE')
      locked.resolve()
      if (isSlow) await held.promise
    })
    await locked.promise
    under.cashFlow.start()
    for (const operation of ofAlice) await untilState(under, operation, 'succeeded')
    for (const operation of isSlow ? ofBob : []) {
      assert.equal((await under.call('GET', `/v1/operations/${operation}`, bob)).body.state, 'running')
    }
    held.resolve()
    await lock
    for (const operation of ofBob) await untilState(under, operation, 'succeeded', bob)
  })
})
