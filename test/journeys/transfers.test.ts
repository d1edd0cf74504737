import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { request } from 'undici'
import {
  assertRefused,
  type EdgeCalls,
  edgeCalls,
  eventually,
  movesNothing,
  transferOf,
} from '../support/edge-calls.ts'
import { endDay } from '../support/payment-files.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { decide, noticeOf } from '../support/review-desk.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

let platform: TestPlatform
let calls: EdgeCalls
let receiver: WebhookReceiver
let secret: string

before(async () => {
  ;[platform, receiver] = await Promise.all([startTestPlatform({ database: 'pglite' }), startWebhookReceiver()])
  calls = edgeCalls(platform)
  const body = { url: receiver.url, events: ['*'] }
  const endpoint = await calls.call('mem_alice', 'POST', '/v1/webhook-endpoints', { body })
  assert.equal(endpoint.status, 201, endpoint.text)
  secret = endpoint.body.secret
})
after(async () => {
  await platform.close()
  await receiver.close()
})

async function balanceOf(account: string): Promise<{ posted: string; pending: string; available: string }> {
  const { body } = await calls.call('operator', 'GET', `/v1/accounts/${account}`)
  const { posted, pending, available } = body.balance
  return { posted: posted.value, pending: pending.value, available: available.value }
}

/** The types of the member's own events about a transfer or operation, in order. */
async function eventTypes(subjects: readonly string[]): Promise<string[]> {
  const types: string[] = []
  for (let after = '0'; ; ) {
    const { body } = await calls.call('mem_alice', 'GET', `/v1/events?after=${after}&limit=100`)
    for (const { type, data } of body.items)
      if (subjects.includes(data.transfer) || subjects.includes(data.operation)) types.push(type)
    if (body.next === null) return types
    after = body.next
  }
}

/** Reads a stream of server-sent events until it ends, noting when each came. */
async function follow(operation: string): Promise<{ readonly seen: string[]; ended: Promise<void> }> {
  const answer = await request(`${platform.urls.edge}/v1/operations/${operation}/events`, {
    headers: { authorization: `Bearer ${await platform.token('mem_alice')}` },
    headersTimeout: 5_000, // a forwarder that waits for the end would never answer
    bodyTimeout: 20_000,
  })
  assert.equal(answer.statusCode, 200)
  assert.match(String(answer.headers['content-type']), /^text\/event-stream/)
  assert.match(String(answer.headers['tidegate-receipt']), /^rcp_/)
  const seen: string[] = []
  const ended = (async () => {
    for await (const chunk of answer.body)
      for (const match of String(chunk).matchAll(/^event: (.+)$/gm)) seen.push(match[1] ?? '')
  })()
  return { seen, ended }
}

describe('a transfer', () => {
  test('that the fraud check accepts is posted at once, and told', async () => {
    const answer = await calls.transfer('128.50', { reference: 'lunch' })
    assert.equal(answer.status, 201, answer.text)
    assert.equal(answer.body.state, 'posted')
    assert.deepEqual(await balanceOf('acc_alice'), { posted: '99871.50', pending: '0.00', available: '99871.50' })
    assert.deepEqual(await balanceOf('acc_bob'), { posted: '100128.50', pending: '0.00', available: '100128.50' })
    const told = await receiver.next(secret, 'transfer.posted', answer.body.id)
    assert.equal((told.data as { amount: { value: string } }).amount.value, '128.50')
    const found = await calls.call('mem_alice', 'GET', `/v1/transfers/${answer.body.id}`)
    assert.equal(found.body.state, 'posted')
  })

  test('that is held is reserved; approved by the desk it is posted, and everyone is told once', async () => {
    const before = await balanceOf('acc_alice')
    const held = await calls.transfer('60000.00', { reference: 'a car' })
    const { operation, transfer } = held.body
    assert.equal(held.status, 202, held.text)
    assert.equal(held.headers['location'], `/v1/operations/${operation}`)
    assert.deepEqual(await balanceOf('acc_alice'), { ...before, pending: '60000.00', available: '39871.50' })
    const stream = await follow(operation)
    await eventually('the stream tells the present state', async () => stream.seen.includes('operation.held'))
    const waiting = calls.call('mem_alice', 'GET', `/v1/operations/${operation}?wait=25`)
    const { case: id } = await noticeOf(platform, '60000.00')
    const approved = await decide(platform, { case: id, vote: 'approve', reviewer: 'rev_rita' })
    assert.deepEqual([approved.status, approved.body['state']], [200, 'approved'])
    assert.equal((await waiting).body.state, 'succeeded', 'the long poll answers with the change')
    await stream.ended
    assert.deepEqual(stream.seen, ['operation.held', 'operation.succeeded'])
    assert.deepEqual(await balanceOf('acc_alice'), { posted: '39871.50', pending: '0.00', available: '39871.50' })
    for (const type of ['transfer.held', 'transfer.posted', 'operation.succeeded'])
      await receiver.next(secret, type, type.startsWith('transfer') ? transfer : operation)
    const types = await eventually('the events are told', async () => {
      const list = await eventTypes([operation, transfer])
      return list.includes('operation.succeeded') && list.includes('transfer.posted') && list
    })
    assert.deepEqual(
      types.toSorted(),
      ['operation.held', 'operation.succeeded', 'transfer.held', 'transfer.posted'].toSorted(),
    )
  })

  test('that is held and declined is released, and stays declined', async () => {
    const before = await balanceOf('acc_alice')
    await calls.call('operator', 'POST', '/v1/deposits', {
      key: 'more',
      body: { account: 'acc_alice', amount: { currency: 'CNY', value: '30000.00' }, reference: 'for the next' },
    })
    const held = await calls.transfer('50000.00')
    const { case: id } = await noticeOf(platform, '50000.00')
    const declined = await decide(platform, { case: id, vote: 'decline', reviewer: 'rev_rita' })
    assert.equal(declined.body['state'], 'declined')
    const operation = await calls.call('mem_alice', 'GET', `/v1/operations/${held.body.operation}?wait=25`)
    assert.deepEqual([operation.body.state, operation.body.reason], ['failed', 'declined'])
    const after = await balanceOf('acc_alice')
    assert.equal(Number(after.available), Number(before.available) + 30_000)
    assert.equal(after.pending, '0.00')
    const again = await decide(platform, { case: id, vote: 'approve', reviewer: 'rev_ravi' })
    assert.deepEqual([again.status, again.body['code']], [409, 'case_closed'])
    await receiver.next(secret, 'transfer.voided', held.body.transfer)
  })

  test('that the fraud check rejects moves nothing and names the rule', async () => {
    await movesNothing(calls, async () => {
      const answer = await calls.transfer('90000.00')
      assertRefused(answer, 'risk_rejected')
      assert.equal(answer.body.rule, 'risk/provider-rejects')
    })
  })

  test('with legs is judged by what they come to, held and decided on as a whole', async () => {
    const legs = (value: string) => {
      const leg = { from: 'acc_alice', to: 'acc_bob', amount: { currency: 'CNY', value } }
      return { body: { legs: [leg, leg], reference: 'two payments' }, key: `legs-${value}` }
    }
    const small = await calls.call('mem_alice', 'POST', '/v1/transfers', legs('10.00'))
    assert.deepEqual([small.status, small.body.amount?.value, small.body.legs?.length], [201, '20.00', 2], small.text)
    await receiver.next(secret, 'transfer.posted', small.body.legs[1].id)
    await movesNothing(calls, async () => {
      const split = await calls.call('mem_alice', 'POST', '/v1/transfers', legs('46000.00'))
      assertRefused(split, 'risk_rejected')
    })
    const before = await balanceOf('acc_alice')
    const held = await calls.call('mem_alice', 'POST', '/v1/transfers', legs('27000.00'))
    assert.deepEqual([held.status, held.body.state], [202, 'held'], held.text)
    assert.equal((await balanceOf('acc_alice')).pending, '54000.00')
    const notice = await noticeOf(platform, '54000.00')
    assert.equal((notice.facts as unknown as { legs: object[] }).legs.length, 2, 'a reviewer sees all of them')
    await decide(platform, { case: notice.case, vote: 'decline', reviewer: 'rev_rita' })
    const operation = await calls.call('mem_alice', 'GET', `/v1/operations/${held.body.operation}?wait=25`)
    assert.equal(operation.body.state, 'failed')
    assert.deepEqual(await balanceOf('acc_alice'), before)
  })

  test('that the member holds back is captured in part, or voided', async () => {
    const pending = (key: string) => calls.transfer('100.00', { key, body: { ...transferOf('100.00'), pending: true } })
    const before = await balanceOf('acc_alice')
    const first = await pending('pending-1')
    assert.deepEqual([first.status, first.body.state], [201, 'pending'])
    const captured = await calls.call('mem_alice', 'POST', `/v1/transfers/${first.body.id}/capture`, {
      body: { amount: { currency: 'CNY', value: '40.00' } },
    })
    assert.deepEqual([captured.status, captured.body.captured?.value], [200, '40.00'], captured.text)
    const second = await pending('pending-2')
    const voided = await calls.call('mem_alice', 'POST', `/v1/transfers/${second.body.id}/void`)
    assert.deepEqual([voided.status, voided.body.state], [200, 'voided'], voided.text)
    assertRefused(await calls.call('mem_alice', 'POST', `/v1/transfers/${second.body.id}/void`), 'conflict')
    const after = await balanceOf('acc_alice')
    assert.equal(Number(after.posted), Number(before.posted) - 40)
    assert.equal(after.pending, '0.00')
  })

  test('that the payee gives back is reversed by a new one, once', async () => {
    const { body } = await calls.transfer('11.00')
    const before = await balanceOf('acc_alice')
    const reversal = await calls.call('mem_bob', 'POST', `/v1/transfers/${body.id}/reverse`)
    assert.deepEqual([reversal.status, reversal.body.reverses], [201, body.id], reversal.text)
    assert.equal(Number((await balanceOf('acc_alice')).posted), Number(before.posted) + 11)
    assertRefused(await calls.call('mem_bob', 'POST', `/v1/transfers/${body.id}/reverse`), 'conflict')
  })

  test('with `Prefer: respond-async` is 202 at once and readable at once', async () => {
    const answer = await calls.transfer('1.00', { headers: { prefer: 'respond-async' } })
    assert.equal(answer.status, 202, answer.text)
    assert.equal(answer.headers['preference-applied'], 'respond-async')
    const begun = await calls.call('mem_alice', 'GET', answer.headers['location'] ?? '')
    assert.ok(['running', 'succeeded'].includes(begun.body.state), begun.text)
    await eventually('it succeeds', async () => {
      const { body } = await calls.call('mem_alice', 'GET', `/v1/operations/${answer.body.operation}?wait=5`)
      return body.state === 'succeeded'
    })
  })

  test('sent again is answered as the first time, whatever has changed since', async () => {
    const first = await calls.transfer('2.00', { key: 'again' })
    await movesNothing(calls, async () => {
      for (const key of ['again', '"again"']) {
        const answer = await calls.transfer('2.00', { key })
        assert.deepEqual(
          [answer.status, answer.body, answer.headers['idempotency-replayed']],
          [201, first.body, 'true'],
        )
      }
    })
    const key = { key: 'again', body: { ...transferOf('2.00'), from: 'acc_bob', to: 'acc_alice' } }
    const bobs = await calls.call('mem_bob', 'POST', '/v1/transfers', key)
    assert.equal(bobs.status, 201, 'keys are per member')
  })

  test('sent many times at once is made once', async () => {
    const before = await balanceOf('acc_bob')
    const answers = await Promise.all(Array.from({ length: 12 }, () => calls.transfer('5.00', { key: 'at-once' })))
    for (const { status, text } of answers) assert.ok([201, 409].includes(status), text)
    assert.equal(new Set(answers.filter(({ status }) => status === 201).map(({ body }) => body.id)).size, 1)
    assert.equal(Number((await balanceOf('acc_bob')).posted), Number(before.posted) + 5)
  })
})

describe('the books after all this', () => {
  for (const account of ['acc_alice', 'acc_bob']) {
    test(`the entries of ${account} are gapless, and each balance follows from the one before`, async () => {
      const entries: {
        version: number
        phase: string
        direction: string
        amount: { value: string }
        balance: { posted: { value: string } }
      }[] = []
      for (let cursor = ''; ; ) {
        const { body } = await calls.call('operator', 'GET', `/v1/accounts/${account}/entries?limit=5${cursor}`)
        entries.push(...body.items)
        if (body.next === null) break
        cursor = `&cursor=${body.next}`
      }
      const { body } = await calls.call('operator', 'GET', `/v1/accounts/${account}`)
      assert.deepEqual(
        entries.map(({ version }) => version),
        Array.from({ length: body.version }, (_, n) => body.version - n),
      )
      let posted = 0n
      for (const { phase, direction, amount, balance } of entries.toReversed()) {
        const minor = BigInt(amount.value.replace('.', ''))
        if (phase === 'post') posted += direction === 'credit' ? minor : -minor
        assert.equal(BigInt(balance.posted.value.replace('.', '')), posted)
      }
      assert.equal(entries[0]?.balance.posted.value, body.balance.posted.value)
      const asOf = await calls.call('operator', 'GET', `/v1/accounts/${account}?asOf=1`)
      assert.equal(asOf.body.balance.posted.value, '100000.00')
    })
  }

  test('what was posted is settled: every line in one batch, each batch closed once and paid by the bank', async () => {
    const expected = Number((await balanceOf('acc_bob')).posted) - 100_000
    const nets = new Map<string, number>() // a line that arrives after a closing is in the next batch
    const close = (cutOff: string) =>
      calls.call('operator', 'POST', '/v1/settlement-batches', { body: { member: 'mem_bob', currency: 'CNY', cutOff } })
    const last = await eventually('all that was posted is in a batch', async () => {
      const { status, body, text } = await close(new Date().toISOString())
      assert.equal(status, 201, text)
      nets.set(body.id, Number(body.net.value))
      return [...nets.values()].reduce((sum, net) => sum + net, 0) === expected && body
    })
    const again = await close(last.cutOff)
    assert.deepEqual([again.status, again.body.id, again.body.net], [200, last.id, last.net])
    await eventually('the bank has paid', async () => {
      const answer = await request(`${platform.urls.bank}/payouts`)
      const { items } = (await answer.body.json()) as { items: { name: string; amount: { value: string } }[] }
      assert.ok(items.every(({ name }) => name === 'mem_bob'))
      return items.reduce((sum, { amount }) => sum + Number(amount.value), 0) === expected
    })
    assert.equal((await balanceOf('acc_bob')).posted, '100000.00') // what was paid out can not be spent here again
    const clearing = () => calls.call('operator', 'GET', '/v1/clearing-positions')
    assert.equal(Number((await clearing()).body.items[0].inTransit.value), expected)

    const [statement, headers] = [await endDay(platform.urls.bank), { 'content-type': 'application/xml' }]
    const put = () => calls.call('operator', 'POST', '/v1/statements', { body: statement, headers })
    const [first, repeat] = [await put(), await put()]
    assert.deepEqual([first.status, repeat.status, repeat.body.id], [201, 200, first.body.id], first.text)
    assert.deepEqual(first.body.lines, { all: first.body.lines.all, matched: first.body.lines.all, broken: 0 })
    await eventually('nothing is in transit', async () => (await clearing()).body.items.length === 0)
    const withdrawals = await calls.call('operator', 'GET', '/v1/withdrawals')
    assert.deepEqual(withdrawals.body.items, [])
    assertRefused(await calls.call('mem_bob', 'GET', '/v1/breaks', { scope: 'settlement:read' }), 'policy_denied')
    const scope = 'settlement:write'
    const body = { member: 'mem_bob', currency: 'CNY', cutOff: last.cutOff }
    const refused = await calls.call('mem_bob', 'POST', '/v1/settlement-batches', { scope, body })
    assertRefused(refused, 'policy_denied')
  })
})
