import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../src/kernel/clock.ts'
import type { Happening } from '../../../src/platform/outbox.ts'
import { verifyWebhook } from '../../../src/platform/standard-webhooks.ts'
import { asMember, asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type OpenMembership, openMembership } from './open-membership.ts'

type Received = { readonly headers: IncomingHttpHeaders; readonly body: Buffer }
type Message = { type: string; timestamp: string; sequence: number; cursor: string; data: { n: number } }

/** A member's server: keeps what it takes; refuses as many deliveries as it is told to. */
async function openReceiver() {
  const received: Received[] = []
  let refusals = 0
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (refusals > 0) {
      refusals -= 1
      response.writeHead(503).end()
      return
    }
    received.push({ headers: request.headers, body: Buffer.concat(chunks) })
    response.writeHead(204).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    messages: () => received.map(({ body }) => JSON.parse(body.toString()) as Message),
    refuse: (count: number) => {
      refusals = count
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Waits for what has to come; the test's own time limit ends a wait in vain. */
async function until<T>(look: () => T | Promise<T>, isEnough: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look()
    if (isEnough(found)) return found
    await sleep(20)
  }
}

onEachStore('telling members', (store) => {
  let open: OpenMembership
  let receiver: Awaited<ReturnType<typeof openReceiver>>
  before(async () => {
    open = await openMembership(store)
    open.membership.start()
  })
  after(() => open.close())

  const happened = (n: number, members: readonly string[], type = 'transfer.posted'): Happening => ({
    type,
    subject: `trf_${n}`,
    members,
    data: { transfer: `trf_${n}`, n },
  })
  const emit = (...happenings: readonly Happening[]) =>
    open.cashFlow.transaction(async (_sql, emit) => happenings.forEach(emit))
  const register = async (member: string, events: readonly string[]) =>
    (await open.call('POST', '/v1/webhook-endpoints', asMember(member), { body: { url: receiver.url, events } })).body
  const eventsOf = async (member: string, query = '?limit=100') =>
    (await open.call('GET', `/v1/events${query}`, asMember(member))).body
  const eventsWhen = async (member: string, count: number) =>
    (
      await until(
        () => eventsOf(member),
        (page) => page.items.length >= count,
      )
    ).items as (Message & { id: string })[]

  it('keeps an event for each member it concerns, once, numbered without gaps', async () => {
    await emit(
      happened(1, ['mem_ann', 'mem_ben']),
      happened(2, ['mem_ann', 'mem_ann']),
      happened(3, []),
      happened(4, ['mem_ben'], 'operation.succeeded'),
    )
    const ann = await eventsWhen('mem_ann', 2)
    const ben = await eventsWhen('mem_ben', 2)
    assert.deepEqual(
      ann.map(({ cursor, type, data }) => [cursor, type, data.n]),
      [
        ['1', 'transfer.posted', 1],
        ['2', 'transfer.posted', 2],
      ],
    )
    assert.deepEqual(
      ben.map(({ cursor, type, data }) => [cursor, type, data.n]),
      [
        ['1', 'transfer.posted', 1],
        ['2', 'operation.succeeded', 4],
      ],
    )
    assert.equal(ann[0]?.id, ben[0]?.id)
  })

  it('lets a member catch up after a cursor, and sees no one else', async () => {
    await emit(...[1, 2, 3, 4, 5].map((n) => happened(n, ['mem_cat'])))
    await eventsWhen('mem_cat', 5)
    const page = await eventsOf('mem_cat', '?after=1&limit=2')
    assert.deepEqual(
      page.items.map((item: Message) => item.data.n),
      [2, 3],
    )
    assert.equal(page.next, '3')
    const last = await eventsOf('mem_cat', `?after=${page.next}&limit=2`)
    assert.deepEqual([last.items.map((item: Message) => item.data.n), last.next], [[4, 5], null])
    assert.deepEqual(await eventsOf('mem_cat', '?after=5'), { items: [], next: null })
    assert.equal((await open.call('GET', '/v1/events?member=mem_cat', asMember('mem_dan'))).status, 404)
    const operators = await open.call('GET', '/v1/events?member=mem_cat&limit=1', asOperator)
    assert.deepEqual([operators.body.items.length, operators.body.next], [1, '1'])
    assert.equal((await open.call('GET', '/v1/events', asOperator)).status, 400)
    assert.equal((await open.call('GET', '/v1/events', asService('risk'))).status, 404)
    for (const query of ['?after=x', '?after=-1', '?limit=0', '?limit=101', '?since=1']) {
      assert.equal((await eventsOf('mem_cat', query)).code, 'validation_failed', query)
    }
  })

  it('signs each message, in order, for the endpoints that want its type', async () => {
    receiver = await openReceiver()
    const all = await register('mem_eve', ['*'])
    const some = await register('mem_eve', ['operation.failed'])
    receiver.refuse(1) // what comes first is told again before anything later
    await emit(
      happened(1, ['mem_eve']),
      happened(2, ['mem_eve'], 'operation.failed'),
      happened(3, ['mem_fay', 'mem_eve']),
    )
    await until(receiver.messages, (messages) => messages.length === 4)
    const signedBy = ({ secret }: { secret: string }) =>
      receiver.received.filter(
        ({ headers, body }) => verifyWebhook([{ scheme: 'v1', secret }], systemClock, headers, body).ok,
      )
    const toldTo = (endpoint: { secret: string }) =>
      signedBy(endpoint).map(({ body }) => JSON.parse(body.toString()) as Message)
    assert.deepEqual(
      toldTo(all).map(({ data, sequence, cursor }) => [data.n, sequence, cursor]),
      [
        [1, 1, '1'],
        [2, 2, '2'],
        [3, 3, '3'],
      ],
    )
    const [kept] = (await eventsOf('mem_eve', '?after=1&limit=1')).items
    const { type, timestamp, cursor, data } = kept
    assert.deepEqual(toldTo(some), [{ type, timestamp, sequence: 1, cursor, data }])
    const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
    assert.equal(new Set(ids).size, 4)
    receiver.close()
  })

  it('tells a removed endpoint nothing more, and goes on where it stopped', async () => {
    receiver = await openReceiver()
    const { id } = await register('mem_gil', ['*'])
    await register('mem_hal', ['*'])
    await open.membership.close()
    await emit(happened(1, ['mem_gil']), happened(2, ['mem_hal']))
    assert.equal((await open.call('DELETE', `/v1/webhook-endpoints/${id}`, asMember('mem_gil'))).status, 204)
    open.membership.start()
    await emit(happened(3, ['mem_gil', 'mem_hal']))
    await until(receiver.messages, (messages) => messages.some(({ data }) => data.n === 3))
    assert.deepEqual(
      receiver.messages().map(({ data, sequence }) => [data.n, sequence]),
      [
        [2, 1],
        [3, 2],
      ],
    )
    assert.deepEqual(
      (await eventsWhen('mem_gil', 2)).map(({ data }) => data.n),
      [1, 3],
    )
    receiver.close()
  })
})
