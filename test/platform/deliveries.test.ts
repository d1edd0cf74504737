import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, type Instant, systemClock } from '../../src/kernel/clock.ts'
import type { Database, DatabaseServer } from '../../src/platform/database.ts'
import { deliveryMigrations, startDeliveries } from '../../src/platform/deliveries.ts'
import { enqueueDeliveries, enqueueDelivery, selectDue } from '../../src/platform/delivery-queue.ts'
import { createLog } from '../../src/platform/log.ts'
import { safeDispatcher } from '../../src/platform/safe-destination.ts'
import { verifyWebhook } from '../../src/platform/standard-webhooks.ts'
import { eventually } from '../support/edge-calls.ts'
import { onEachStore } from '../support/stores.ts'

const secret = `whsec_${randomBytes(32).toString('base64')}`

onEachStore('deliveries', (store) => {
  let server: DatabaseServer
  let database: Database
  let receiver: Server
  let statusOf: (body: string) => number | Promise<number>
  let aheadMs = 0
  const clock: Clock = { now: () => (systemClock.now() + aheadMs) as Instant }
  const dispatcher = safeDispatcher(true, 5_000)
  const arrived: { id: string; body: string; ok: boolean }[] = []

  before(async () => {
    server = await store.open()
    database = await server.open('membership', [deliveryMigrations])
    receiver = createServer(async (request, response) => {
      const bytes = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
      const { ok } = verifyWebhook([{ scheme: 'v1', secret }], clock, request.headers, bytes)
      arrived.push({ id: String(request.headers['webhook-id']), body: bytes.toString(), ok })
      response.writeHead(await statusOf(bytes.toString())).end()
    }).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
  })
  after(async () => {
    await dispatcher.close()
    receiver.close()
    await server.close()
  })

  const start = (gone: readonly string[] = [], on = database) =>
    startDeliveries({
      database: on,
      clock,
      log: createLog('silent'),
      dispatcher,
      allowLoopback: true,
      destinationOf: async (_sql, endpoint) => {
        const { port } = receiver.address() as AddressInfo
        return gone.includes(endpoint)
          ? null
          : { url: `http://127.0.0.1:${port}/${endpoint}`, keys: [{ scheme: 'v1', secret }] }
      },
    })
  const enqueue = (endpoint: string, name: string) =>
    database.transaction((sql) =>
      enqueueDelivery(sql, clock, endpoint, (sequence) => `${endpoint} ${name} ${sequence}`),
    )
  const states = () =>
    database.transaction(async (sql) => {
      const rows = await sql.query<{ endpoint: string; state: string }>(
        'SELECT endpoint, state FROM delivery ORDER BY sequence',
      )
      return rows.map(({ endpoint, state }) => `${endpoint} ${state}`)
    })

  test('messages of an endpoint arrive signed and in order; a refused one holds back only its own endpoint', async () => {
    statusOf = (body) =>
      body.startsWith('whe_a second') && arrived.filter((each) => each.body === body).length < 3 ? 500 : 204
    for (const name of ['first', 'second', 'third']) await enqueue('whe_a', name)
    await enqueue('whe_b', 'first')
    const deliveries = start()
    await eventually('the other endpoint has its message', async () => (await states()).includes('whe_b delivered'))
    await eventually('the refused one is tried again, as time goes by', async () => {
      aheadMs += 10_000
      return (await states()).every((state) => state.endsWith('delivered'))
    })
    await deliveries.close()
    const ofA = arrived.filter(({ body }) => body.startsWith('whe_a'))
    assert.deepEqual(
      ofA.map(({ body }) => body),
      ['whe_a first 1', 'whe_a second 2', 'whe_a second 2', 'whe_a second 2', 'whe_a third 3'],
    )
    assert.equal(new Set(ofA.map(({ id }) => id)).size, 3, 'a message keeps its id when it is sent again')
    assert.ok(arrived.every(({ ok }) => ok))
  })

  test('an endpoint that takes its time holds back no other', async () => {
    const slow = Promise.withResolvers<number>()
    statusOf = (body) => (body.startsWith('whe_slow') ? slow.promise : 204)
    await enqueue('whe_slow', 'first')
    const deliveries = start()
    await eventually('the slow one has its message', async () =>
      arrived.some(({ body }) => body.startsWith('whe_slow')),
    )
    for (const name of ['first', 'second']) await enqueue('whe_quick', name)
    await eventually('the quick one has taken both of its own', async () =>
      (await states()).every((state) => state.endsWith(state.startsWith('whe_slow') ? 'pending' : 'delivered')),
    )
    assert.equal(
      arrived.filter(({ body }) => body.startsWith('whe_slow')).length,
      1,
      'and is not asked again meanwhile',
    )
    slow.resolve(204)
    await eventually('the slow one has taken it', async () => (await states()).includes('whe_slow delivered'))
    await deliveries.close()
  })

  test('however many endpoints take their time, others do not wait for them', async () => {
    const free = Promise.withResolvers<number>()
    let [heldNow, heldMax] = [0, 0]
    statusOf = async (body) => {
      if (!body.startsWith('whe_late')) return 204
      if (body.includes('first')) return sleep(1_200, 204)
      heldNow += 1
      heldMax = Math.max(heldMax, heldNow)
      await Promise.race([free.promise, sleep(3_000)]) // sooner than we give up
      heldNow -= 1
      return 204
    }
    for (const name of ['first', 'second']) for (let nth = 0; nth < 64; nth++) await enqueue(`whe_late_${nth}`, name)
    const deliveries = start()
    await eventually('those that have taken one message are sent the other', async () => heldNow >= 32, 30_000)
    await enqueue('whe_prompt', 'first')
    await eventually('who is quick has its message', async () => (await states()).includes('whe_prompt delivered'))
    free.resolve(204)
    await eventually(
      'all are taken',
      async () => {
        aheadMs += 10_000
        return (await states()).every((state) => !state.startsWith('whe_late') || state.endsWith('delivered'))
      },
      30_000,
    )
    await deliveries.close()
    assert.equal(heldMax, 32)
  })

  test('what waits at one endpoint is sent in order, and kept as taken together', async () => {
    statusOf = () => 204
    for (let nth = 1; nth <= 40; nth++) await enqueue('whe_many', 'one')
    let transactions = 0
    const counted: Database = {
      ...database,
      transaction(work) {
        transactions += 1
        return database.transaction(work)
      },
    }
    const deliveries = start([], counted)
    await eventually('all are taken', async () =>
      (await states()).every((state) => !state.startsWith('whe_many') || state.endsWith('delivered')),
    )
    await deliveries.close()
    assert.deepEqual(
      arrived.filter(({ body }) => body.startsWith('whe_many')).map(({ body }) => body),
      Array.from({ length: 40 }, (_, nth) => `whe_many one ${nth + 1}`),
    )
    assert.ok(transactions < 40, `${transactions} transactions for 40 messages`)
  })

  test('however much waits, so many messages of so many endpoints are taken into memory', async () => {
    await database
      .transaction(async (sql) => {
        const messages = Array.from({ length: 400 }, (_, nth) => ({ endpoint: `whe_wide_${nth % 20}`, body: String }))
        await enqueueDeliveries(sql, clock, messages)
        const due = await selectDue(sql, clock, ['whe_wide_0'], { endpoints: 3, messages: 5 })
        assert.deepEqual(
          due.map((of) => [new Set(of.map(({ endpoint }) => endpoint)).size, of.map(({ body }) => body)]),
          Array.from({ length: 3 }, () => [1, ['1', '2', '3', '4', '5']]),
        )
        assert.ok(due.every(([first]) => first?.endpoint !== 'whe_wide_0'))
        throw new Error('not to be sent')
      })
      .catch((error: Error) => assert.equal(error.message, 'not to be sent'))
  })

  test('a message that was rolled back with its cause is never sent', async () => {
    statusOf = () => 204
    const undone = database.transaction(async (sql) => {
      await enqueueDelivery(sql, clock, 'whe_c', () => 'never')
      throw new Error('undone')
    })
    await assert.rejects(undone, /undone/)
    await enqueue('whe_c', 'first')
    const deliveries = start()
    await eventually('the other is sent', async () => (await states()).includes('whe_c delivered'))
    await deliveries.close()
    assert.deepEqual(
      arrived.filter(({ body }) => body === 'never'),
      [],
    )
  })

  test('a message for an endpoint that is gone is given up; one that nobody takes, after the last try', async () => {
    statusOf = () => 410
    for (let nth = 0; nth < 40; nth++) await enqueue('whe_gone', 'one')
    await enqueue('whe_deaf', 'first')
    let looks = 0
    const counted: Database = {
      ...database,
      transaction(work) {
        looks += 1
        return database.transaction(work)
      },
    }
    const deliveries = start(['whe_gone'], counted)
    await eventually('all of the one that is gone are given up', async () => {
      return !(await states()).includes('whe_gone pending')
    })
    assert.ok(looks < 20, `${looks} looks for 40 messages`)
    await eventually('the other is given up', async () => {
      aheadMs += 24 * 3_600_000
      return (await states()).includes('whe_deaf abandoned')
    })
    await deliveries.close()
    assert.equal(arrived.filter(({ body }) => body.startsWith('whe_gone')).length, 0)
    assert.equal(arrived.filter(({ body }) => body.startsWith('whe_deaf')).length, 10)
  })
})
