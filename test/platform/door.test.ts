import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, type RequestListener, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import supertest from 'supertest'
import { Type } from 'typebox'
import { systemClock } from '../../src/kernel/clock.ts'
import { createDoor } from '../../src/platform/door.ts'
import { closeServer } from '../../src/platform/drain.ts'
import { createLog } from '../../src/platform/log.ts'
import { PASSPORT_HEADER, type Principal, signPassport } from '../../src/platform/passport.ts'
import { route } from '../../src/platform/service-route.ts'
import { testPassportKeys } from '../support/caller.ts'
import { recordingLog } from '../support/recording-log.ts'

const passports = testPassportKeys()
const pay = route({
  method: 'post',
  path: '/v1/payments/:id',
  operationId: 'pay',
  summary: 'Pays',
  params: Type.Object({ id: Type.String() }),
  answers: { 200: null },
  run: async () => ({ status: 200, body: {} }),
})
const app = createDoor({
  ...{ service: 'cash-flow', routes: [pay], passports },
  ...{ clock: systemClock, log: createLog('silent') },
} as const)

const target = '/v1/payments/1'
const passportFor = (bound: { target?: string; body?: string; idempotencyKey?: string } = {}) =>
  signPassport(
    passports,
    systemClock,
    'cash-flow',
    { method: 'POST', target, ...bound, body: Buffer.from(bound.body ?? '') },
    { principal: { kind: 'operator', id: 'op_olga', scopes: [] }, assessment: null, receipt: null },
  )

describe('the door of a service', () => {
  test('takes a captured call with the Idempotency-Key it was signed with, however quoted, and with no other', async () => {
    const passport = passportFor({ idempotencyKey: 'pay-1' })
    const send = (headers: Record<string, string>) =>
      supertest(app)
        .post(target)
        .set({ [PASSPORT_HEADER]: passport, ...headers })
    for (const key of ['pay-1', '"pay-1"']) assert.equal((await send({ 'idempotency-key': key })).status, 200, key)
    for (const headers of [{ 'idempotency-key': 'pay-2' }, { 'idempotency-key': 'pay 1' }, {}]) {
      const answer = await send(headers)
      assert.deepEqual([answer.status, answer.body.code], [401, 'invalid_passport'], JSON.stringify(headers))
    }
  })

  test("calls what the caller did wrong the caller's fault, not its own", async () => {
    const zipped = await supertest(app)
      .post(target)
      .set({ [PASSPORT_HEADER]: passportFor(), 'content-encoding': 'gzip' })
      .send('{}')
    assert.deepEqual([zipped.status, zipped.body.code], [415, 'unsupported_content_encoding'])
    const huge = 'x'.repeat(1_048_577)
    const large = await supertest(app)
      .post(target)
      .set(PASSPORT_HEADER, passportFor({ body: huge }))
      .send(huge)
    assert.deepEqual([large.status, large.body.code], [413, 'body_too_large'])
    const path = '/v1/payments/%E0'
    const unreadable = await supertest(app)
      .post(path)
      .set(PASSPORT_HEADER, passportFor({ target: path }))
    assert.deepEqual([unreadable.status, unreadable.body.code], [400, 'malformed_request'])
  })
})

describe('a body', () => {
  const echo = route({
    ...{ method: 'post', path: '/v1/echoes', operationId: 'echo', summary: 'Says it again' },
    body: Type.Object({ text: Type.String() }),
    answers: { 201: null },
    run: async ({ body }) => ({ status: 201, body, headers: { location: '/v1/echoes/1' } }),
  })
  const body = JSON.stringify({ text: '数€' })
  const send = (port: number, headers: Record<string, string>) => {
    const passport = passportFor({ target: '/v1/echoes', body })
    const options = { port, host: '127.0.0.1', method: 'POST', path: '/v1/echoes' }
    return request({ ...options, headers: { [PASSPORT_HEADER]: passport, ...headers } })
  }
  const [first, second] = [Buffer.from(body).subarray(0, 11), Buffer.from(body).subarray(11)] // within a character
  const length = { 'content-length': `${Buffer.byteLength(body)}` }

  test('is read whole however it comes, and of one that ends too soon nothing is made', async () => {
    const { log, lines } = recordingLog()
    const door = createDoor({ service: 'cash-flow', routes: [pay, echo], passports, clock: systemClock, log })
    const server = createServer(door).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    for (const headers of [length, { 'transfer-encoding': 'chunked' }]) {
      const call = send(port, headers)
      call.write(first, () => setTimeout(() => call.end(second), 20))
      const [answer] = await once(call, 'response')
      const said = Buffer.concat(await Array.fromAsync<Buffer>(answer))
      assert.deepEqual([answer.statusCode, said.toString()], [201, body])
      const { 'content-type': type, 'content-length': bytes, location } = answer.headers
      assert.deepEqual([type, bytes], ['application/json; charset=utf-8', length['content-length']])
      assert.equal(location, '/v1/echoes/1')
    }
    const left = send(port, length).on('error', () => {})
    const [[, response]] = await Promise.all([once(server, 'request'), left.write(first)])
    left.destroy()
    await once(response, 'close')
    await closeServer(server)
    assert.deepEqual(lines, [])
  })
})

describe('the deadline of a call', () => {
  let runs = 0
  const wait = route({
    ...{ method: 'post', path: '/v1/waits', operationId: 'wait', summary: 'Waits until nobody waits for it' },
    answers: { 200: null },
    async run({ signal }) {
      runs += 1
      if (!signal.aborted) await once(signal, 'abort')
      return { status: 200, body: {} }
    },
  })
  const door = createDoor({
    ...{ service: 'cash-flow', routes: [pay, wait], passports },
    ...{ clock: systemClock, log: createLog('silent') },
  } as const)
  const callWith = (path: string, deadline: string) =>
    supertest(door)
      .post(path)
      .set({ [PASSPORT_HEADER]: passportFor({ target: path }), 'tidegate-deadline-ms': deadline })

  test('is over: nothing is begun', async () => {
    const answer = await callWith('/v1/waits', '0')
    assert.deepEqual([answer.status, answer.body.code, runs], [503, 'overloaded', 0])
    assert.ok(Number(answer.headers['retry-after']) >= 1)
  })

  test('comes: whoever runs is told, as when the caller hangs up', async () => {
    assert.deepEqual([(await callWith('/v1/waits', '40')).status, runs], [200, 1])
  })

  test('passes while the body comes: nothing is begun', async () => {
    const server = createServer(door).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const headers = {
      ...{ [PASSPORT_HEADER]: passportFor({ target: '/v1/waits', body: '{}' }) },
      ...{ 'tidegate-deadline-ms': '20', 'content-length': '2' },
    }
    const { port } = server.address() as AddressInfo
    const late = request({ port, host: '127.0.0.1', method: 'POST', path: '/v1/waits', headers })
    late.write('{')
    setTimeout(() => late.end('}'), 60)
    const [answer] = await once(late, 'response')
    await Array.fromAsync(answer)
    assert.deepEqual([answer.statusCode, runs], [503, 1])
    await closeServer(server)
  })

  test('is none where it can not be read', async () => {
    for (const deadline of ['soon', '-1', '1e3', '']) {
      assert.equal((await callWith(target, deadline)).status, 200, deadline)
    }
  })
})

test('what goes wrong in a service is in the log, with the receipt and the trace of the request', async () => {
  const { log, lines } = recordingLog()
  const run = () => Promise.reject(new Error('out of paper', { cause: { token: 'hunter2' } }))
  const failing = createDoor({ service: 'cash-flow', routes: [{ ...pay, run }], passports, clock: systemClock, log })
  const principal: Principal = { kind: 'operator', id: 'op_olga', scopes: [] }
  const bound = { method: 'POST', target, body: Buffer.alloc(0) }
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'
  const passport = signPassport(passports, systemClock, 'cash-flow', bound, {
    principal,
    assessment: null,
    receipt: 'rcp_1',
  })
  const answer = await supertest(failing)
    .post(target)
    .set({ [PASSPORT_HEADER]: passport, traceparent })
  assert.equal(answer.status, 500)
  const [line] = lines
  assert.deepEqual([line?.['receipt'], line?.['trace']], ['rcp_1', '4bf92f3577b34da6a3ce929d0e0e4736'])
  assert.match(JSON.stringify(line?.['err']), /out of paper/)
  assert.ok(!JSON.stringify(line).includes('hunter2'))
})

describe('a server that closes', () => {
  const listening = async (answer: RequestListener) => {
    const server = createServer(answer).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { server, port: (server.address() as AddressInfo).port }
  }

  test('lets go of a client that calls again and again on one connection', { timeout: 20_000 }, async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] }) // nothing is cut off
    const { server, port } = await listening((_request, response) => void setImmediate(() => response.end()))
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const call = async (): Promise<boolean> => {
      const [answer] = await once(request({ port, host: '127.0.0.1', agent }).end(), 'response').catch(() => [null])
      if (answer !== null) await Array.fromAsync(answer)
      return answer !== null
    }
    await call()
    const calling = (async () => {
      while (await call());
    })()
    await once(server, 'request')
    await closeServer(server)
    await calling
    agent.destroy()
  })

  test('cuts off in the end what does not end', async (context) => {
    const { server, port } = await listening((_request, response) => void response.write('never more'))
    const hung = request({ port, host: '127.0.0.1' }).end()
    const [answer] = await once(hung, 'response')
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const closed = closeServer(server)
    context.mock.timers.tick(10_000)
    await closed
    await assert.rejects(Array.fromAsync(answer), /aborted/)
  })
})
