import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { listAccepted } from '../../../src/services/cash-flow/store.ts'
import type { Claims } from '../../support/caller.ts'
import { eventually } from '../../support/edge-calls.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, carol, cny, key, openCashFlow, untilState } from './cash-flow.ts'

/** Alice and Carol are in one shard, Bob is in another. Of 16 places 8 are kept for the four shards, two for each. */
onEachStore('the mailbox of transfers that are accepted to be made later', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false, mailbox: { waitingMax: 16, waitingOfOneMax: 6 } })
  })
  after(() => under.close())

  const ask = (claims: Claims, name: string, from: string) =>
    under.call('POST', '/v1/transfers', claims, {
      body: { from, to: from === 'acc_bob' ? 'acc_carol' : 'acc_bob', amount: cny('1.00'), reference: name },
      headers: { ...key(name), prefer: 'respond-async' },
    })

  test('who finds no room is refused before anything is accepted, and nobody takes all of it', async () => {
    const operations: string[] = []
    for (let nth = 0; nth < 6; nth++) {
      const answer = await ask(alice, `a${nth}`, 'acc_alice')
      assert.equal(answer.status, 202)
      operations.push(answer.body.id)
    }
    const refused = await ask(alice, 'a6', 'acc_alice')
    assert.deepEqual([refused.status, refused.body.code, refused.headers['retry-after']], [503, 'overloaded', '1'])
    const at = await under.call('GET', '/v1/transfers?idempotencyKey=a6', alice)
    assert.deepEqual(at.body.items, [])
    for (let nth = 0; nth < 4; nth++) assert.equal((await ask(carol, `c${nth}`, 'acc_carol')).status, 202, `c${nth}`)
    assert.equal((await ask(carol, 'c4', 'acc_carol')).status, 503)

    // What was accepted needs no room again; a shard that is full leaves the others theirs.
    for (const name of ['a0', 'c0']) {
      const again = await ask(name === 'a0' ? alice : carol, name, name === 'a0' ? 'acc_alice' : 'acc_carol')
      assert.deepEqual([again.status, again.headers['idempotency-replayed']], [202, 'true'])
    }
    const ofBob: number[] = []
    for (let nth = 0; nth < 3; nth++) ofBob.push((await ask(bob, `b${nth}`, 'acc_bob')).status)
    assert.deepEqual(ofBob, [202, 202, 503])

    const all = [...(await under.database.transaction((sql) => listAccepted(sql, [], 100))).values()].flat()
    const order = all.filter(({ by }) => by.id !== 'mem_bob')
    const [mem, other] = ['mem_alice', 'mem_carol']
    const owners = order.map(({ by }) => by.id)
    assert.deepEqual(owners.slice(0, 8).filter((owner, at) => owner !== owners[at - (at % 2)]).length, 4, 'in turn')
    assert.deepEqual(
      [owners.filter((owner) => owner === mem), owners.filter((owner) => owner === other)].map(({ length }) => length),
      [6, 4],
    )
    assert.deepEqual(owners.slice(8), [mem, mem])

    under.cashFlow.start()
    for (const operation of operations) await untilState(under, operation, 'succeeded')
    await eventually('there is room again, under the same key', async () => {
      return (await ask(alice, 'a6', 'acc_alice')).status === 202
    })
  })
})
