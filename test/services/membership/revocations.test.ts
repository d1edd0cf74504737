import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { type Instant, manualClock, toRfc3339 } from '../../../src/kernel/clock.ts'
import { asMember, asOperator, asService, type Claims } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type OpenMembership, openMembership, TOKEN_LIFE_MS_MAX } from './open-membership.ts'

const path = '/v1/revocations'
const START = Date.parse('2030-01-01T00:00:00.250Z') as Instant
const asAnother: Claims = { principal: { kind: 'operator', id: 'op_oscar', scopes: ['operator'] } }

type Notice = { readonly id: string; readonly jti: string | null; readonly sub: string | null }

onEachStore('revocations', (store) => {
  const clock = manualClock(START)
  let open: OpenMembership
  before(async () => {
    open = await openMembership(store, { clock })
  })
  after(() => open.close())

  const call: OpenMembership['call'] = (...of) => open.call(...of)
  const revoke = async (body: object) => (await call('POST', path, asOperator, { body })).body
  const inForce = async (): Promise<{ seq: string; items: Notice[] }> =>
    (await call('GET', '/internal/revocations', asService('edge'))).body
  const told = async (seq: string): Promise<{ type: string; data: Notice }[]> =>
    (await call('GET', `/internal/feed?after=${seq}&waitMs=0`, asService('edge'))).body.items

  it('are of one token for as long as any may live, with who made them and why', async () => {
    const { seq } = await inForce()
    const made = await call('POST', path, asOperator, { body: { jti: 'stolen', reason: 'a lost phone' } })
    assert.equal(made.status, 201, made.text)
    const { id, ...rest } = made.body
    assert.deepEqual(rest, {
      ...{ version: 1, jti: 'stolen', sub: null, reason: 'a lost phone', actor: 'operator:op_olga' },
      ...{ at: toRfc3339(clock.now()), until: toRfc3339((clock.now() + TOKEN_LIFE_MS_MAX) as Instant), lifted: null },
    })
    assert.equal(made.headers['location'], `${path}/${id}`)
    assert.deepEqual((await call('GET', `${path}/${id}`, asOperator)).body, made.body)
    const notice = { id, jti: 'stolen', sub: null, at: rest.at, until: rest.until }
    assert.deepEqual((await inForce()).items.at(-1), notice)
    const [event, ...others] = await told(seq)
    assert.deepEqual([event?.type, event?.data, others], ['revocation.made', notice, []])
  })

  it('are lifted by a row of its own, once, and stay on record', async () => {
    const { id } = await revoke({ sub: 'mem_alice', reason: 'a mistake' })
    const { seq } = await inForce()
    clock.advance(1_000)
    const lifted = await call('DELETE', `${path}/${id}`, asAnother)
    assert.deepEqual([lifted.status, lifted.text], [204, ''])
    assert.equal((await call('DELETE', `${path}/${id}`, asOperator)).status, 204)
    const { body } = await call('GET', `${path}/${id}`, asOperator)
    assert.deepEqual(body.lifted, { actor: 'operator:op_oscar', at: toRfc3339(clock.now()) })
    assert.deepEqual([body.version, body.actor], [2, 'operator:op_olga'])
    assert.ok((await inForce()).items.every((item) => item.id !== id))
    assert.deepEqual(
      (await told(seq)).map(({ type, data }) => [type, data.id]),
      [['revocation.lifted', id]],
    )
  })

  it('lapse at the time they are given', async () => {
    const until = toRfc3339((clock.now() + 60_000) as Instant)
    const { id } = await revoke({ sub: 'mem_bob', reason: 'a minute', until })
    const isInForce = async () => (await inForce()).items.some((item) => item.id === id)
    clock.advance(59_999)
    assert.equal(await isInForce(), true)
    clock.advance(1)
    assert.equal(await isInForce(), false)
    assert.equal((await call('GET', `${path}/${id}`, asOperator)).body.until, until)
  })

  it('are listed newest first, page by page', async () => {
    const ids: string[] = []
    for (const jti of ['one', 'two', 'three']) {
      clock.advance(1)
      ids.unshift((await revoke({ jti, reason: 'listed' })).id)
    }
    const first = (await call('GET', `${path}?limit=2`, asOperator)).body
    const second = (await call('GET', `${path}?limit=1&cursor=${first.next}`, asOperator)).body
    assert.deepEqual(
      [...first.items, ...second.items].map(({ id }: Notice) => id),
      ids,
    )
  })

  it('are for operators to make and see, and for services to follow', async () => {
    const { id } = await revoke({ jti: 'ours', reason: 'seen by operators' })
    for (const claims of [asMember('mem_alice'), asService('edge')]) {
      assert.equal((await call('POST', path, claims, { body: { jti: 'x', reason: 'x' } })).status, 404)
      assert.equal((await call('GET', path, claims)).status, 404)
      assert.equal((await call('GET', `${path}/${id}`, claims)).status, 404)
      assert.equal((await call('DELETE', `${path}/${id}`, claims)).status, 404)
    }
    for (const claims of [asMember('mem_alice'), asOperator]) {
      assert.equal((await call('GET', '/internal/revocations', claims)).status, 404)
    }
    for (const unknown of ['rvk_0', '42', '%00']) {
      assert.equal((await call('GET', `${path}/${unknown}`, asOperator)).status, 404)
      assert.equal((await call('DELETE', `${path}/${unknown}`, asOperator)).status, 404)
    }
  })

  it('refuse a request of another shape', async () => {
    const bodies: [object, number][] = [
      [{ reason: 'of what' }, 400],
      [{ jti: 'a', sub: 'mem_a', reason: 'of two things' }, 400],
      [{ jti: 'a' }, 400],
      [{ jti: '', reason: 'of nothing' }, 400],
      [{ jti: 'a\u0000', reason: 'of a control' }, 400],
      [{ sub: 'a'.repeat(257), reason: 'of too much' }, 400],
      [{ jti: 'a', reason: 'a date', until: '2030-02-01' }, 400],
      [{ jti: 'a', reason: 'over', until: toRfc3339(START) }, 422],
      [{ jti: 'a', reason: 'unknown field', by: 'me' }, 400],
    ]
    const before = (await inForce()).items
    for (const [body, status] of bodies) {
      assert.equal((await call('POST', path, asOperator, { body })).status, status, JSON.stringify(body))
    }
    assert.deepEqual((await inForce()).items, before)
  })
})
