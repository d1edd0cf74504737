import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { type Clock, type Instant, systemClock } from '../../../src/kernel/clock.ts'
import { verifyWebhook } from '../../../src/platform/standard-webhooks.ts'
import { asMember } from '../../support/caller.ts'
import { eventually } from '../../support/edge-calls.ts'
import { onEachStore } from '../../support/stores.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts'
import { type OpenMembership, openMembership } from './open-membership.ts'

const path = '/v1/webhook-endpoints'
const HOUR_MS = 3_600_000

onEachStore('the upkeep of webhook endpoints', (store) => {
  let open: OpenMembership
  let receiver: WebhookReceiver
  let aheadMs = 0
  const clock: Clock = { now: () => (systemClock.now() + aheadMs) as Instant }
  before(async () => {
    receiver = await startWebhookReceiver()
    open = await openMembership(store, { clock })
    open.membership.start()
  })
  after(async () => {
    await open.close()
    await receiver.close()
  })

  const register = async (member: string, url = receiver.url) =>
    (await open.call('POST', path, asMember(member), { body: { url, events: ['*'] } })).body
  let told = 0
  const tell = (member: string) =>
    open.cashFlow.transaction(async (_sql, emit) => {
      told += 1
      emit({ type: 'transfer.posted', subject: `trf_${told}`, members: [member], data: { transfer: `trf_${told}` } })
    })
  const next = async () => {
    const from = receiver.received.length
    return async () =>
      eventually('a message comes', async () => receiver.received.length > from && receiver.received[from])
  }
  const isSigned = (message: Awaited<ReturnType<Awaited<ReturnType<typeof next>>>>, secret: string): boolean =>
    verifyWebhook([{ scheme: 'v1', secret }], clock, message.headers, message.body).ok

  it('a secret is replaced without a message that its receiver can not verify', async () => {
    const [member, carol] = ['mem_carol', asMember('mem_carol')]
    const { id, secret } = await register(member)
    const rotated = await open.call('POST', `${path}/${id}/rotate-secret`, carol)
    assert.equal(rotated.status, 200)
    assert.notEqual(rotated.body.secret, secret)
    assert.equal(Date.parse(rotated.body.oldSecretUntil) > clock.now() + 23 * HOUR_MS, true)
    let comes = await next()
    await tell(member)
    let message = await comes()
    assert.deepEqual(
      [secret, rotated.body.secret].map((each) => isSigned(message, each)),
      [true, true],
    )
    aheadMs += 25 * HOUR_MS
    comes = await next()
    await tell(member)
    message = await comes()
    assert.deepEqual(
      [secret, rotated.body.secret].map((each) => isSigned(message, each)),
      [false, true],
    )
    for (const status of [200, 200, 200, 409])
      assert.equal((await open.call('POST', `${path}/${id}/rotate-secret`, carol)).status, status)
    assert.equal((await open.call('POST', `${path}/${id}/rotate-secret`, asMember('mem_erin'))).status, 404)
  })

  it('what was sent is listed, and sent again by hand under the same id', async () => {
    const [member, dave] = ['mem_dave', asMember('mem_dave')]
    const { id } = await register(member)
    const comes = await next()
    await tell(member)
    const first = await comes()
    const list = async () => (await open.call('GET', `${path}/${id}/deliveries`, dave)).body
    const [delivery] = await eventually('it is kept as delivered', async () => {
      const { items } = await list()
      return items[0]?.state === 'delivered' && items
    })
    assert.deepEqual([delivery.id, delivery.sequence, delivery.tries], [first.headers['webhook-id'], 1, 1])
    const again = await next()
    const redelivered = await open.call('POST', `${path}/${id}/deliveries/1/redeliver`, dave)
    assert.deepEqual([redelivered.status, redelivered.body.state], [202, 'pending'])
    const second = await again()
    assert.deepEqual(
      [second.headers['webhook-id'], second.body.toString()],
      [first.headers['webhook-id'], first.body.toString()],
    )
    assert.equal((await open.call('POST', `${path}/${id}/deliveries/9/redeliver`, dave)).status, 404)
    assert.equal((await open.call('POST', `${path}/${id}/deliveries/1/redeliver`, asMember('mem_erin'))).status, 404)
  })

  it('an endpoint that takes nothing for days is disabled, its member is told, and enables it again', async () => {
    const [member, frank] = ['mem_frank', asMember('mem_frank')]
    const { id } = await register(member, 'http://127.0.0.1:9/nobody')
    await tell(member)
    const stateOf = async () => (await open.call('GET', `${path}/${id}`, frank)).body.state
    const deliveries = async () => (await open.call('GET', `${path}/${id}/deliveries`, frank)).body.items
    await eventually('it was tried', async () => (await deliveries())[0]?.tries > 0)
    assert.equal(await stateOf(), 'enabled')
    aheadMs += 73 * HOUR_MS
    await eventually('it is disabled', async () => (await stateOf()) === 'disabled')
    const [delivery] = await deliveries()
    assert.deepEqual([delivery.state, delivery.error], ['abandoned', 'the endpoint was disabled'])
    const { items } = (await open.call('GET', '/v1/events?limit=100', frank)).body
    assert.deepEqual(
      items.map(({ type }: { type: string }) => type),
      ['transfer.posted', 'webhook_endpoint.disabled'],
    )
    assert.equal(items[1].data.endpoint, id)
    await tell(member)
    await eventually('the event is kept', async () => {
      return (await open.call('GET', '/v1/events?limit=100', frank)).body.items.length === 3
    })
    assert.equal((await deliveries()).length, 1, 'nothing is queued for it')
    assert.equal((await open.call('POST', `${path}/${id}/enable`, asMember('mem_erin'))).status, 404)
    assert.equal((await open.call('POST', `${path}/${id}/enable`, frank)).body.state, 'enabled')
    await tell(member)
    await eventually('it is sent to again', async () => (await deliveries()).length === 2)
  })
})
