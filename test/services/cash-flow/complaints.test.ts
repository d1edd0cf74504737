import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../src/kernel/clock.ts'
import { operationIdOf, transferIdOf } from '../../../src/kernel/operation-id.ts'
import { listenDoor } from '../../../src/platform/door.ts'
import { PASSPORT_HEADER, signPassport } from '../../../src/platform/passport.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, cny, fromAlice, key, openCashFlow } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

/** What users of ledgers complain of, class by class; docs/ledger-proof.md has them all, with the tests that stand elsewhere. */
onEachStore('nobody has to complain of', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open())
  })
  after(() => under.close())

  const transfer = (body: object, name: string, { call = under.call, claims = alice } = {}) =>
    call('POST', '/v1/transfers', claims, { body, headers: key(name) })
  const read = async (path: string, call = under.call) => (await call('GET', path, asOperator)).body
  const account = (name: string, asOf = '') => read(`/v1/accounts/acc_${name}${asOf}`)
  const recordsOf = async (shard: number) => {
    const rows = await under.database.transaction((sql) =>
      sql.query<{ seq: bigint }>('SELECT seq FROM shard WHERE shard = $1', [shard]),
    )
    return Number(rows[0]?.seq)
  }

  test('a balance that changes though the transfer was refused', async () => {
    assert.equal((await transfer(fromAlice('1.00'), 'taken')).status, 201)
    const before = [await account('alice'), await account('bob')]
    const refused: [name: string, body: object, status: number][] = [
      ['poor', fromAlice('5000.00'), 422],
      ['poor-and-held', fromAlice('5000.00', { pending: true }), 422],
      ['to-nobody', fromAlice('1.00', { to: 'acc_none' }), 422],
      ['to-itself', fromAlice('1.00', { to: 'acc_alice' }), 422],
      ['in-dollars', fromAlice('1.00', { amount: { currency: 'USD', value: '1.00' } }), 422],
      ['not-mine', fromAlice('1.00', { from: 'acc_bob', to: 'acc_alice' }), 404],
      ['taken', fromAlice('2.00'), 422],
    ]
    for (const [name, body, status] of refused) assert.equal((await transfer(body, name)).status, status, name)
    assert.deepEqual([await account('alice'), await account('bob')], before, 'balances and versions')
  })

  test('an amount that loses digits on its way', async () => {
    const [most, tenth, fifth] = ['9007199254740993.01', '0.10', '0.20']
    const opened = await under.call('POST', '/v1/accounts', bob, {
      body: { member: 'mem_bob', product: 'prd_basic', currency: 'CNY' },
    })
    const to = opened.body.id
    for (const value of [tenth, fifth, most]) {
      const body = { account: to, amount: cny(value), reference: 'cash' }
      assert.deepEqual((await under.call('POST', '/v1/deposits', asOperator, { body })).body.amount, cny(value))
    }
    const { balance } = await read(`/v1/accounts/${to}`)
    assert.deepEqual(balance.posted, cny('9007199254740993.31'), 'beyond what a double tells apart')
    const paid = await transfer({ ...fromAlice(most), from: to, to: 'acc_alice' }, 'exactly', { claims: bob })
    assert.deepEqual([paid.status, paid.body.amount], [201, cny(most)])
    assert.deepEqual((await read(`/v1/accounts/${to}`)).balance.available, cny('0.30'))
    const { items } = await read(`/v1/accounts/${to}/entries?limit=1`)
    assert.deepEqual([items[0].amount, items[0].balance.posted], [cny(most), cny('0.30')])
    const back = { ...fromAlice(most), from: 'acc_alice', to: 'acc_bob' } // the others go on with what they had
    assert.equal((await transfer(back, 'away')).status, 201)
    assert.equal((await transfer(fromAlice('1.00', { amount: { currency: 'CNY', value: 0.1 } }), 'float')).status, 400)
  })

  test('an answer 201 for what is not found then', async () => {
    for (let round = 0; round < 10; round++) {
      const name = `found-${round}`
      const to = round % 2 === 0 ? 'acc_bob' : 'acc_carol' // across shards, and within one
      const made = await transfer(fromAlice('1.00', { to }), name)
      assert.equal(made.status, 201)
      const other = under.callTwin // another process than the one that answered
      assert.equal((await read(`/v1/transfers/${made.body.id}`, other)).state, 'posted')
      assert.equal((await read(`/v1/operations/${made.body.operation}`, other)).state, 'succeeded')
      const { items } = await read(`/v1/accounts/${to}/entries?limit=1`, other)
      assert.equal(items[0].transfer, made.body.id)
      const later = { body: fromAlice('1.00', { to }), headers: { ...key(`${name}-later`), prefer: 'respond-async' } }
      const begun = await under.call('POST', '/v1/transfers', alice, later)
      assert.equal(begun.status, 202)
      assert.ok(['running', 'succeeded'].includes((await read(`/v1/operations/${begun.body.operation}`, other)).state))
    }
  })

  test('a doubled number or an empty answer when many come at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, at) => {
        const call = at % 2 === 0 ? under.call : under.callTwin
        const to = at % 3 === 0 ? 'acc_bob' : 'acc_carol'
        return { name: `many-${at}`, answer: await transfer(fromAlice('0.01', { to }), `many-${at}`, { call }) }
      }),
    )
    for (const { name, answer } of answers) {
      assert.equal(answer.status, 201, answer.text)
      const { id, operation, state } = answer.body
      const [transferId, operationId] = [transferIdOf('mem_alice', name), operationIdOf('mem_alice', name)]
      assert.deepEqual([id, operation, state], [transferId, operationId, 'posted'])
    }
    await assertSound(under.database) // versions of accounts and numbers of records among it
  })

  test('a key under which something is done twice', async () => {
    const { body: hold } = await transfer(fromAlice('3.00', { pending: true }), 'hold-captured')
    const { body: other } = await transfer(fromAlice('3.00', { pending: true }), 'hold-voided')
    const { body: posted } = await transfer(fromAlice('2.00'), 'to-be-reversed')
    const cash = { account: 'acc_alice', amount: cny('5.00'), reference: 'cash' }
    const requests: [name: string, path: string, body: object][] = [
      ['transfer', '/v1/transfers', fromAlice('1.00')],
      ['deposit', '/v1/deposits', cash],
      ['capture', `/v1/transfers/${hold.id}/capture`, { amount: cny('2.00') }],
      ['void', `/v1/transfers/${other.id}/void`, {}],
      ['reverse', `/v1/transfers/${posted.id}/reverse`, {}],
    ]
    const moved = { transfer: -1, deposit: 5, capture: -2, void: 0, reverse: 2 } // on Alice's account
    for (const [name, path, body] of requests) {
      const before = Number((await account('alice')).balance.posted.value)
      const ask = (call: typeof under.call) => call('POST', path, asOperator, { body, headers: key(`once-${name}`) })
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, at) => ask(at % 2 === 0 ? under.call : under.callTwin)),
      )
      const again = await ask(under.callTwin)
      const done = [...answers, again].filter(({ status }) => status < 300)
      const refused = answers.filter(({ status }) => status >= 300)
      assert.equal(again.headers['idempotency-replayed'], 'true', name)
      assert.deepEqual(new Set(done.map(({ text }) => text)).size, 1, `${name}: one answer, byte for byte`)
      assert.equal(done.filter(({ headers }) => headers['idempotency-replayed'] === undefined).length, 1, name)
      assert.deepEqual(new Set(refused.map(({ body: { code } }) => code)).difference(IN_PROGRESS), new Set(), name)
      const after = Number((await account('alice')).balance.posted.value)
      assert.equal((after - before).toFixed(2), moved[name as keyof typeof moved].toFixed(2), name)
    }
    await assertSound(under.database)
  })

  test('a first answer that says it is a repeated one, since another process took the money to its end', async () => {
    const holds = await Promise.all(
      Array.from({ length: 20 }, (_, at) => transfer(fromAlice('0.02', { pending: true }), `hold-to-cross-${at}`)),
    )
    let isDone = false
    const captures = holds.map(({ body: { id } }, at) => {
      const request = { body: { amount: cny('0.01') }, headers: key(`cross-${at}`) }
      return under.callTwin('POST', `/v1/transfers/${id}/capture`, asOperator, request)
    })
    const answered = Promise.all(captures).finally(() => {
      isDone = true
    })
    while (!isDone) {
      under.tell('review.declined', 'trf_none') // so that the other process looks for what is on its way
      await sleep(2)
    }
    for (const { status, headers } of await answered)
      assert.deepEqual([status, headers['idempotency-replayed']], [200, undefined])
  })

  test('a hot account for which everybody stands in line in the database', async () => {
    const server = await listenDoor(under.app, '127.0.0.1', 0)
    const shard = 1 // of Alice and Carol
    const [locked, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    try {
      await transfer(fromAlice('0.01', { to: 'acc_carol' }), 'warm') // where the accounts are is known from here on
      const first = await recordsOf(shard)
      const busy = under.database.transaction(async (sql) => {
        await sql.query('SELECT * FROM shard WHERE shard = $1 FOR UPDATE', [shard])
        locked.resolve()
        await release.promise
      })
      await locked.promise
      let arrived = 0
      server.on('request', () => {
        arrived += 1
      })
      const answers = Array.from({ length: 80 }, (_, at) => send(server, `hot-${at}`))
      while (arrived < answers.length) await sleep(5)
      await sleep(50) // what has arrived is read and waits in memory
      release.resolve()
      await busy
      assert.deepEqual(new Set(await Promise.all(answers)), new Set([201]))
      const batches = (await recordsOf(shard)) - first
      assert.ok(batches <= 20, `80 transfers of one account went in ${batches} transactions`)
    } finally {
      release.resolve()
      server.closeAllConnections()
      server.close()
    }
  })

  test('a balance below zero, spent on a reading that was old', async () => {
    const calls = [under.call, under.callTwin]
    for (const spender of calls) {
      const before = await account('alice')
      for (const call of calls)
        await transfer(fromAlice('0.01', { to: 'acc_carol' }), `seen-${before.version}`, { call })
      const { balance, version } = await account('alice') // both processes have it in memory
      const all = fromAlice(balance.available.value, { to: 'acc_carol' })
      assert.equal((await transfer(all, `all-${version}`, { call: spender })).status, 201)
      const late = await Promise.all(
        Array.from({ length: 10 }, (_, at) =>
          transfer(fromAlice('0.01'), `late-${version}-${at}`, { call: calls[at % 2] as typeof under.call }),
        ),
      )
      assert.deepEqual(new Set(late.map(({ body }) => body.code)), new Set(['insufficient_funds']))
      const body = { account: 'acc_alice', amount: cny('500.00'), reference: 'salary' }
      await under.call('POST', '/v1/deposits', asOperator, { body })
    }
    await assertSound(under.database)
  })

  test('a balance of earlier that nobody can tell any more', async () => {
    const seen: { at: string; body: { version: number } }[] = []
    const look = async () => {
      seen.push({ at: new Date(under.clock.now()).toISOString(), body: await account('alice') })
      under.clock.advance(60_000)
    }
    await look()
    const { body: paid } = await transfer(fromAlice('7.00'), 'earlier-paid')
    await look()
    const { body: hold } = await transfer(fromAlice('9.00', { pending: true }), 'earlier-held')
    await look()
    await under.call('POST', `/v1/transfers/${hold.id}/capture`, bob, { body: { amount: cny('4.00') } })
    await look()
    await under.call('POST', `/v1/transfers/${paid.id}/reverse`, asOperator, { body: {} })
    await look()
    assert.equal(new Set(seen.map(({ body }) => body.version)).size, seen.length)
    for (const { at, body } of seen) {
      assert.deepEqual(await account('alice', `?asOf=${at}`), body, 'whatever came later')
      assert.deepEqual(await account('alice', `?asOf=${body.version}`), body)
    }
  })

  /** A transfer of a cent from Alice to Carol on a connection of its own; its status. */
  async function send(server: Server, name: string): Promise<number> {
    const target = '/v1/transfers'
    const body = Buffer.from(JSON.stringify(fromAlice('0.01', { to: 'acc_carol' })))
    const claims = { principal: alice.principal ?? { kind: 'anonymous' as const }, assessment: null, receipt: null }
    const bound = { method: 'POST', target, body, idempotencyKey: name }
    const passport = signPassport(under.keys, systemClock, 'cash-flow', bound, claims)
    const headers = { ...key(name), [PASSPORT_HEADER]: passport, 'content-type': 'application/json' }
    const { port } = server.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}${target}`, { method: 'POST', headers, body })
    await answer.arrayBuffer()
    return answer.status
  }
})

const IN_PROGRESS = new Set(['request_in_progress'])
