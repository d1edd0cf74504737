import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Instant } from '../../../src/kernel/clock.ts'
import { type SigningKey, signWebhook, verifyWebhook } from '../../../src/platform/standard-webhooks.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { eventually, type OpenCase, startWorld, type World } from './world.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

onEachStore('a case when things go wrong', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  const maker = () => `mem_${randomUUID()}`
  const read = async (id: string) => (await world.call('GET', `/v1/cases/${id}`, asOperator)).body
  const ends = async (id: string) =>
    (await world.events(id)).map(({ type }) => type).filter((type) => type.startsWith('review.'))
  const approve = (opened: OpenCase, key: SigningKey, skewMs = 0) => {
    const { case: id, caseVersion, snapshotHash } = opened
    const vote = { vote: 'approve', reviewer: 'rita', reason: '' }
    const body = JSON.stringify({ case: id, caseVersion, snapshotHash, nonce: randomUUID(), ...vote })
    const at = { now: () => (world.clock.now() + skewMs) as Instant }
    return world.callback(body, { ...signWebhook([key], at, randomUUID(), body) })
  }

  test('while keys are exchanged either one counts, of the desk as of ours', async () => {
    for (const privateKey of [world.privateKey, world.next.privateKey]) {
      const opened = await world.openCase(maker())
      assert.equal((await approve(opened, { scheme: 'v1a', privateKey })).body['state'], 'approved')
    }
    const [item] = (await world.inbox()).slice(-1)
    assert.equal(item?.headers['webhook-signature']?.split(' ').length, 2)
    for (const secret of [world.secret, world.next.secret]) {
      // The stand-in keeps the parsed body; the text is JSON as we write it.
      const sent: Buffer = Buffer.from(JSON.stringify(item?.body))
      assert.equal(verifyWebhook([{ scheme: 'v1', secret }], world.clock, item?.headers ?? {}, sent).ok, true)
    }
  })

  test('a desk whose clock is ten minutes off is not heard, five minutes less one second is', async () => {
    const key = { scheme: 'v1a', privateKey: world.privateKey } as const
    for (const skewMs of [-10 * MINUTE_MS, 10 * MINUTE_MS]) {
      const opened = await world.openCase(maker())
      const refused = await approve(opened, key, skewMs)
      assert.deepEqual([refused.status, refused.body['code']], [401, 'invalid_signature'])
      assert.deepEqual((await read(opened.case)).votes, [])
      const near = await approve(opened, key, Math.sign(skewMs) * (5 * MINUTE_MS - 1_000))
      assert.equal(near.body['state'], 'approved')
    }
  })

  test('the hold expires while a vote is under way: one of the two is the end, and it is said at most once', async () => {
    for (let round = 0; round < 5; round++) {
      const opened = await world.openCase(maker())
      const voting = approve(opened, { scheme: 'v1a', privateKey: world.privateKey })
      world.feed('transfer.voided', { transfer: opened.transfer, reason: 'expired' }, world.clock.now())
      const { status } = await voting
      const { state } = await eventually(async () => {
        const now = await read(opened.case)
        return now.state !== 'open' && now
      })
      assert.equal(status, state === 'approved' ? 200 : 409)
      assert.deepEqual(await ends(opened.case), state === 'approved' ? ['review.approved'] : [])
    }
  })

  test('the desk is away for three days: its cases are declined in time, and nothing waits for it', async () => {
    await world.closeDesk()
    const by = maker()
    const assessed = await world.assess({ member: by, value: '60000.00' })
    const { transfer } = await world.hold(by, assessed.body.id, '60000.00')
    const opened = await eventually(async () => {
      const { items } = (await world.call('GET', '/v1/cases?state=open', asOperator)).body
      return items.find((each: { transfer: string }) => each.transfer === transfer)
    })
    for (let day = 0; day < 3; day++) {
      world.clock.advance(DAY_MS)
      await eventually(async () => (await read(opened.id)).state === 'declined')
    }
    assert.deepEqual(await ends(opened.id), ['review.declined'])
    const { body } = await world.call('GET', '/v1/cases/unowned?olderThanS=0', asOperator)
    assert.deepEqual(body.items, [], 'the decision is on its way to cash flow')
  })
})
