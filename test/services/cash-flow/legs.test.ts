import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { toRfc3339 } from '../../../src/kernel/clock.ts'
import { legIdsOf, operationIdOf, transferIdOf } from '../../../src/kernel/operation-id.ts'
import { asOperator, asService, type Claims } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import {
  alice,
  bob,
  type CashFlowUnderTest,
  carol,
  cny,
  held,
  key,
  openCashFlow,
  rebuildOf,
  untilState,
} from './cash-flow.ts'
import { assertSound } from './invariants.ts'

type Leg = { readonly from: string; readonly to: string; readonly amount: object }

/** Alice and Carol are in one shard, Bob is in another; with four writers what goes to Bob is a crossing. */
for (const writers of [1, 4]) {
  onEachStore(`a transfer with legs, by ${writers} writers`, (store) => {
    let under: CashFlowUnderTest
    before(async () => {
      under = await openCashFlow(await store.open(), { writers })
    })
    after(() => under.close())

    const leg = (to: string, value: string, from = 'acc_alice'): Leg => ({ from, to, amount: cny(value) })
    const transfer = (
      name: string,
      legs: readonly Leg[],
      claims: Claims = alice,
      more: Record<string, unknown> = {},
    ) => {
      const { prefer, ...body } = more
      const headers = { ...key(name), ...(prefer === undefined ? {} : { prefer: String(prefer) }) }
      return under.call('POST', '/v1/transfers', claims, { body: { legs, reference: 'salaries', ...body }, headers })
    }
    const posted = async (...names: string[]): Promise<number[]> => {
      const read = names.map((name) => under.call('GET', `/v1/accounts/acc_${name}`, asOperator))
      return (await Promise.all(read)).map(({ body }) => Number(body.balance.posted.value))
    }
    const change = (id: string, what: string, claims: Claims, body = {}) =>
      under.call('POST', `/v1/transfers/${id}/${what}`, claims, { body })

    type Told = { readonly seq: string; readonly type: string; readonly data: Readonly<Record<string, unknown>> }

    /** All that the ledger has told the other services. */
    async function feed(): Promise<readonly Told[]> {
      const all: Told[] = []
      for (let after = '0'; ; after = String(all.at(-1)?.seq)) {
        const { body } = await under.call('GET', `/internal/feed?after=${after}&waitMs=0`, asService('risk'))
        if (body.items.length === 0) return all
        all.push(...(body.items as Told[]))
      }
    }

    test('moves all of them under one operation, each a transfer of its own', async () => {
      const before = await posted('alice', 'bob', 'carol')
      const legs = [leg('acc_bob', '10.00'), leg('acc_carol', '20.00'), leg('acc_bob', '0.50')]
      const made = await transfer('three', legs)
      assert.equal(made.status, 201, made.text)
      const id = transferIdOf('mem_alice', 'three')
      const ids = legIdsOf(id, 3)
      const { createdAt, ...rest } = made.body
      assert.deepEqual(rest, {
        ...{ id, state: 'posted', operation: operationIdOf('mem_alice', 'three') },
        legs: legs.map((each, index) => ({ id: ids[index], ...each, judgedBy: { product: 'prd_basic', version: 1 } })),
        ...{ amount: cny('30.50'), reference: 'salaries', version: 1 },
      })
      const after = await posted('alice', 'bob', 'carol')
      assert.deepEqual(
        after.map((sum, index) => Number((sum - (before[index] ?? 0)).toFixed(2))),
        [-30.5, 10.5, 20],
      )
      assert.deepEqual((await under.call('GET', `/v1/transfers/${id}`, alice)).body, made.body)
      const byKey = await under.call('GET', '/v1/transfers?idempotencyKey=three', alice)
      assert.deepEqual(byKey.body.items, [made.body])
      assert.equal((await untilState(under, rest.operation, 'succeeded'))['transfer'], id)
      const again = await transfer('three', legs)
      assert.deepEqual([again.body, again.headers['idempotency-replayed']], [made.body, 'true'])
      assert.equal((await transfer('three', legs.slice(1))).body.code, 'idempotency_key_reused')
      await assertSound(under.database)
    })

    test('shows a payee its own leg and nothing of the others', async () => {
      const id = transferIdOf('mem_alice', 'three')
      const [toBob = '', toCarol = ''] = legIdsOf(id, 3)
      assert.equal((await under.call('GET', `/v1/transfers/${id}`, bob)).status, 404)
      assert.equal((await under.call('GET', `/v1/transfers/${toCarol}`, bob)).status, 404)
      const { body } = await under.call('GET', `/v1/transfers/${toBob}`, bob)
      assert.deepEqual(
        [body.partOf, body.from, body.to, body.amount, body.state],
        [...[id, 'acc_alice', 'acc_bob', cny('10.00'), 'posted']],
      )
    })

    test('moves nothing when one of them can not be', async () => {
      const before = await posted('alice', 'bob', 'carol')
      const cases: [string, readonly Leg[], Claims, number, string][] = [
        ['too much together', [leg('acc_bob', '600.00'), leg('acc_carol', '600.00')], alice, 422, 'insufficient_funds'],
        ['one to nowhere', [leg('acc_bob', '1.00'), leg('acc_none', '1.00')], alice, 422, 'unknown_reference'],
        ['one to itself', [leg('acc_bob', '1.00'), leg('acc_alice', '1.00')], alice, 422, 'unacceptable_value'],
        ["one of another's", [leg('acc_bob', '1.00'), leg('acc_alice', '1.00', 'acc_bob')], alice, 404, 'not_found'],
        [
          'of two members',
          [leg('acc_bob', '1.00'), leg('acc_alice', '1.00', 'acc_bob')],
          asOperator,
          422,
          'unacceptable_value',
        ],
        ['from nowhere', [leg('acc_bob', '1.00', 'acc_none')], alice, 404, 'not_found'],
        [
          'in two currencies',
          [leg('acc_bob', '1.00'), { ...leg('acc_bob', '1'), amount: { currency: 'JPY', value: '1' } }],
          alice,
          422,
          'currency_mismatch',
        ],
      ]
      for (const [what, legs, claims, status, code] of cases) {
        const answer = await transfer(what.replaceAll(/\W/g, '-'), legs, claims)
        assert.deepEqual([answer.status, answer.body.code], [status, code], what)
      }
      const second = await transfer('second-wrong', [leg('acc_bob', '1.00'), leg('acc_none', '1.00')])
      assert.equal(second.body.detail, 'body/legs/1/to: there is no such account')
      assert.deepEqual(await posted('alice', 'bob', 'carol'), before)
      await assertSound(under.database)
    })

    test('is one or the other: legs, or ends of its own; and has a limit', async () => {
      const one = leg('acc_bob', '0.01')
      const cases: [readonly Leg[], Record<string, unknown>, string][] = [
        [[], {}, '/legs'],
        [Array.from({ length: 21 }, () => one), {}, '/legs'],
        [[one], { from: 'acc_alice' }, '/from'],
        [[one], { amount: cny('1.00') }, '/amount'],
        [[one], { pending: true }, '/pending'],
        [[{ ...one, fee: 1 } as Leg], {}, '/legs/0/fee'],
        [[one, leg('acc_bob', '-1.00')], {}, '/legs/1/amount'],
      ]
      for (const [legs, more, pointer] of cases) {
        const { body } = await transfer('malformed', legs, alice, more)
        assert.deepEqual([body.code, body.errors?.[0].pointer], ['validation_failed', pointer], pointer)
      }
      const missing = await under.call('POST', '/v1/transfers', alice, {
        body: { reference: 'x' },
        headers: key('none'),
      })
      assert.deepEqual(missing.body.errors, [{ pointer: '/from', detail: 'required field is missing' }])
      const many = Array.from({ length: 20 }, () => one)
      assert.equal((await transfer('twenty', many)).status, 201)
    })

    test('is held as a whole, and approved or declined as a whole', async () => {
      const before = await posted('alice', 'bob', 'carol')
      const legs = [leg('acc_bob', '5.00'), leg('acc_carol', '6.00')]
      for (const [name, type, state] of [
        ['approved', 'review.approved', 'succeeded'],
        ['declined', 'review.declined', 'failed'],
      ] as const) {
        const answer = await transfer(name, legs, held(alice))
        assert.deepEqual([answer.status, answer.body.state], [202, 'held'])
        const [one = ''] = legIdsOf(answer.body.transfer, 2)
        for (const what of ['capture', 'void', 'reverse'])
          assert.equal((await change(one, what, asOperator)).status, 409, what)
        assert.equal((await under.call('GET', `/v1/transfers/${one}`, bob)).status, 404)
        under.tell(type, answer.body.transfer)
        await untilState(under, answer.body.operation, state)
        await assertSound(under.database)
      }
      const after = await posted('alice', 'bob', 'carol')
      assert.deepEqual(
        after.map((sum, index) => Number((sum - (before[index] ?? 0)).toFixed(2))),
        [-11, 5, 6],
      )
      const whole = transferIdOf('mem_alice', 'approved')
      const told = (await feed()).filter(({ data }) => data['transfer'] === whole || data['partOf'] === whole)
      assert.deepEqual(
        told.map(({ type }) => type),
        ['transfer.held', 'operation.held', 'transfer.posted', 'transfer.posted', 'operation.succeeded'],
      )
    })

    test('expires as a whole', async () => {
      const answer = await transfer('expires', [leg('acc_bob', '5.00'), leg('acc_carol', '6.00')], held(alice, 60_000))
      under.clock.advance(61_000)
      assert.equal((await untilState(under, answer.body.operation, 'failed'))['reason'], 'expired')
      await assertSound(under.database)
    })

    test('is reversed leg by leg, each by its payee', async () => {
      const id = transferIdOf('mem_alice', 'three')
      const [toBob = '', toCarol = ''] = legIdsOf(id, 3)
      assert.equal((await change(id, 'reverse', asOperator)).status, 409)
      const back = await change(toCarol, 'reverse', carol)
      assert.deepEqual([back.status, back.body.amount, back.body.reverses], [201, cny('20.00'), toCarol])
      assert.equal((await change(toBob, 'reverse', bob)).status, 201)
      const { body } = await under.call('GET', `/v1/transfers/${id}`, alice)
      assert.deepEqual(
        body.legs.map(({ reversedBy }: { reversedBy?: string }) => reversedBy !== undefined),
        [true, true, false],
      )
      await assertSound(under.database)
    })

    test('is reversed leg by leg as of an earlier time, at both ends', async () => {
      const { body } = await transfer('wrong', [leg('acc_bob', '3.00'), leg('acc_carol', '1.00')])
      const effectiveAt = toRfc3339(under.clock.now())
      const then = async (account: string): Promise<number> => {
        const path = `/v1/accounts/${account}?effectiveAt=${encodeURIComponent(effectiveAt)}`
        return Number((await under.call('GET', path, asOperator)).body.balance.posted.value)
      }
      under.clock.advance(1_000)
      const before = [await then('acc_alice'), await then('acc_bob')] as const
      const back = await change(body.legs[0].id, 'reverse', asOperator, { effectiveAt })
      assert.deepEqual([back.status, back.body.effectiveAt], [201, effectiveAt], back.text)
      assert.deepEqual([await then('acc_alice'), await then('acc_bob')], [before[0] + 3, before[1] - 3])
      await assertSound(under.database)
    })

    test('runs later when that is asked for, once', async () => {
      const legs = [leg('acc_bob', '1.00'), leg('acc_carol', '2.00')]
      const answer = await transfer('later', legs, alice, { prefer: 'respond-async' })
      assert.deepEqual([answer.status, answer.body.state], [202, 'running'])
      await untilState(under, answer.body.operation, 'succeeded')
      const { body } = await under.call('GET', `/v1/transfers/${transferIdOf('mem_alice', 'later')}`, alice)
      assert.deepEqual([body.state, body.amount, body.legs.length], ['posted', cny('3.00'), 2])
      await assertSound(under.database)
      assert.deepEqual((await rebuildOf(under)).differences, [])
    })
  })
}
