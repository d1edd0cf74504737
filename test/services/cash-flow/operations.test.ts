import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { systemClock } from '../../../src/kernel/clock.ts'
import { operationIdOf } from '../../../src/kernel/operation-id.ts'
import { listenDoor } from '../../../src/platform/door.ts'
import { createOutbox } from '../../../src/platform/outbox.ts'
import { PASSPORT_HEADER, signPassport } from '../../../src/platform/passport.ts'
import { createOperationWatch } from '../../../src/services/cash-flow/operation-watch.ts'
import { asOperator, asService, type Claims } from '../../support/caller.ts'
import { eventually } from '../../support/edge-calls.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, fromAlice, held, key, openCashFlow, untilState } from './cash-flow.ts'

const respondAsync = { prefer: 'respond-async' }

onEachStore('an operation', (store) => {
  let under: CashFlowUnderTest
  let server: Server
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false })
    server = await listenDoor(under.app, '127.0.0.1', 0)
  })
  after(async () => {
    await under.close()
    server.closeAllConnections()
    server.close()
  })

  const transfer = (value: string, name: string, claims: Claims, headers = {}) =>
    under.call('POST', '/v1/transfers', claims, { body: fromAlice(value), headers: { ...key(name), ...headers } })

  /** Opens the stream and gives its text so far, each time more of it has come. */
  async function* stream(operation: string, headers: Record<string, string> = {}, claims = alice) {
    const target = `/v1/operations/${operation}/events`
    const request = { method: 'GET', target, body: Buffer.alloc(0) }
    const principal = claims.principal ?? { kind: 'anonymous' as const }
    const passport = signPassport(under.keys, systemClock, 'cash-flow', request, {
      ...{ principal, assessment: null, receipt: null },
    })
    const { port } = server.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}${target}`, {
      headers: { ...headers, [PASSPORT_HEADER]: passport },
    })
    yield `status ${answer.status}`
    let text = ''
    for await (const chunk of answer.body ?? []) {
      text += Buffer.from(chunk).toString()
      yield text
    }
  }

  const textOf = async (operation: string, headers: Record<string, string> = {}) => {
    let last = ''
    for await (const text of stream(operation, headers)) last = text
    return last
  }

  test('asked for asynchronously is answered before it runs, and run once the worker does', async () => {
    const answer = await transfer('5.00', 'later', alice, respondAsync)
    const operation = operationIdOf('mem_alice', 'later')
    assert.equal(answer.status, 202)
    assert.equal(answer.headers['preference-applied'], 'respond-async')
    assert.equal(answer.headers['location'], `/v1/operations/${operation}`)
    assert.deepEqual(answer.body, { operation, id: operation, state: 'running' })
    const running = await under.call('GET', `/v1/operations/${operation}`, alice)
    assert.deepEqual([running.body.state, running.body.transfer], ['running', undefined])
    const poor = await transfer('50000.00', 'later-poor', alice, respondAsync)
    const reviewed = await transfer('6.00', 'later-held', held(alice), respondAsync)

    under.cashFlow.start() // finds what was accepted before it began, as after a restart
    const done = await untilState(under, operation, 'succeeded')
    assert.equal((await under.call('GET', `/v1/transfers/${done['transfer']}`, alice)).body.state, 'posted')
    assert.equal((await untilState(under, poor.body.operation, 'failed'))['reason'], 'insufficient_funds')
    await untilState(under, reviewed.body.operation, 'held')

    const again = await transfer('5.00', 'later', alice)
    assert.deepEqual([again.status, again.body.state, again.headers['idempotency-replayed']], [202, 'running', 'true'])
    const account = await under.call('GET', '/v1/accounts/acc_alice', alice)
    assert.equal(account.body.balance.available.value, '989.00')
  })

  test("asynchronously from another's account is still 404", async () => {
    const answer = await under.call('POST', '/v1/transfers', bob, {
      body: fromAlice('1.00'),
      headers: { ...key('not-mine'), ...respondAsync },
    })
    assert.equal(answer.status, 404)
  })

  test('can be waited for: the answer comes with the change, or at once when there can be none', async () => {
    const { body } = await transfer('1.00', 'waited', held(alice))
    const target = `/v1/operations/${body.operation}?wait=25`
    const waiting = Promise.all([under.call('GET', target, alice), under.call('GET', target, asOperator)])
    await under.call('GET', '/v1/accounts/acc_alice', alice)
    under.tell('review.approved', body.transfer)
    for (const { body } of await waiting) assert.equal(body.state, 'succeeded')
    assert.equal((await under.call('GET', target, alice)).body.state, 'succeeded')
    const malformed = await under.call('GET', `/v1/operations/${body.operation}?wait=26`, alice)
    assert.equal(malformed.status, 400)
    const { body: still } = await transfer('1.00', 'still', held(alice))
    const unchanged = await under.call('GET', `/v1/operations/${still.operation}?wait=1`, alice)
    assert.equal(unchanged.body.state, 'held')
  })

  test('is looked at together, however many wait for it, and another process may change it', async () => {
    const { body } = await transfer('1.00', 'crowd', held(alice))
    const outbox = createOutbox(under.database, systemClock)
    let looks = 0
    const watch = createOperationWatch({
      ...outbox,
      transaction(work) {
        looks += 1
        return outbox.transaction(work)
      },
    })
    const until = AbortSignal.timeout(30_000)
    const followers = Array.from({ length: 50 }, () => watch.follow(body.operation, 1, until))
    const ends = Promise.all(followers.map(async (states) => (await states.next()).value))
    await eventually('there is a second look of theirs', async () => looks > 51)
    assert.ok(looks < 60, `${looks} looks of 50 who wait`)
    const voided = await under.callTwin('POST', `/v1/transfers/${body.transfer}/void`, asOperator, {
      headers: key('crowd-void'),
    })
    assert.equal(voided.status, 200)
    assert.deepEqual(new Set((await ends).map((last) => last?.state)), new Set(['failed']))
    watch.close()
  })

  test('can be followed: the present state, each change, and the end', async () => {
    const { body } = await transfer('1.00', 'followed', held(alice))
    let told = false
    let text = ''
    for await (const sofar of stream(body.operation)) {
      text = sofar
      if (told || !text.includes('event: operation.held')) continue
      told = true
      under.tell('review.declined', body.transfer)
    }
    const lines = text.split('\n').filter((line) => line.startsWith('id') || line.startsWith('event'))
    assert.deepEqual(lines, ['id: 1', 'event: operation.held', 'id: 2', 'event: operation.failed'])
    assert.match(text, /"reason":"declined"/)

    assert.match(await textOf(body.operation), /^id: 2\nevent: operation\.failed\n/)
    assert.match(await textOf(body.operation, { 'last-event-id': '1' }), /^id: 2\nevent: operation\.failed\n/)
    assert.equal(await textOf(body.operation, { 'last-event-id': '2' }), 'status 204')
    for await (const text of stream(body.operation, {}, bob)) {
      assert.equal(text, 'status 404')
      break
    }
  })

  test('tells its events in order, to the members it concerns', async () => {
    const { body } = await transfer('1.00', 'told', held(alice))
    under.tell('review.approved', body.transfer)
    await untilState(under, body.operation, 'succeeded')
    const feed = await under.call('GET', '/internal/feed?after=0&waitMs=0', asService('membership'))
    const about = feed.body.items.filter(({ subject }: { subject: string }) =>
      [body.operation, body.transfer].includes(subject),
    )
    assert.deepEqual(
      about.map(({ type, members }: { type: string; members: string[] }) => [type, members]),
      [
        ['transfer.held', ['mem_alice']],
        ['operation.held', ['mem_alice']],
        ['transfer.posted', ['mem_alice', 'mem_bob']],
        ['operation.succeeded', ['mem_alice']],
      ],
    )
    assert.deepEqual(about[0].data, {
      ...{ operation: body.operation, transfer: body.transfer, from: 'acc_alice', to: 'acc_bob' },
      ...{ amount: { currency: 'CNY', value: '1.00' }, reference: 'rent for March', maker: 'mem_alice' },
      ...{ assessment: 'asm_1', receipt: 'rcp_test', expiresAt: '2026-03-05T10:00:00.000Z' },
      judgedBy: [{ product: 'prd_basic', version: 1 }],
    })
    const posted = about[2].data
    assert.deepEqual([posted.kind, posted.fromMember, posted.toMember], ['capture', 'mem_alice', 'mem_bob'])
    assert.equal((await under.call('GET', '/internal/feed?after=0&waitMs=0', alice)).status, 404)
  })
})
