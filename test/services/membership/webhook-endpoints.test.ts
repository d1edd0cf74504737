import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { asMember, asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type OpenMembership, openMembership } from './open-membership.ts'

const path = '/v1/webhook-endpoints'
const body = { url: 'https://hooks.example.com/tidegate', events: ['transfer.posted'] }

onEachStore('webhook endpoints', (store) => {
  let open: OpenMembership
  before(async () => {
    open = await openMembership(store, { allowLoopback: false })
  })
  after(() => open.close())

  const call: OpenMembership['call'] = (...of) => open.call(...of)

  it('show their secret once', async () => {
    const carol = asMember('mem_carol')
    const registered = await call('POST', path, carol, { body })
    assert.equal(registered.status, 201)
    const { secret, ...endpoint } = registered.body
    assert.match(secret, /^whsec_[A-Za-z0-9+/]+={0,2}$/)
    assert.equal(Buffer.from(secret.slice('whsec_'.length), 'base64').length, 32)
    assert.deepEqual(endpoint, {
      ...{ id: endpoint.id, version: 1, ...body },
      ...{ createdAt: endpoint.createdAt, state: 'enabled' },
    })
    assert.equal(registered.headers['location'], `${path}/${endpoint.id}`)
    assert.deepEqual((await call('GET', `${path}/${endpoint.id}`, carol)).body, endpoint)
    assert.deepEqual((await call('GET', path, carol)).body, { items: [endpoint], next: null })
    const another = await call('POST', path, carol, { body })
    assert.notEqual(another.body.secret, secret)
  })

  it("are their member's alone", async () => {
    const { id } = (await call('POST', path, asMember('mem_dave'), { body })).body
    for (const claims of [asMember('mem_erin'), asOperator, asService('risk')]) {
      assert.equal((await call('GET', `${path}/${id}`, claims)).status, 404)
      assert.equal((await call('DELETE', `${path}/${id}`, claims)).status, 404)
    }
    assert.deepEqual((await call('GET', path, asMember('mem_erin'))).body, { items: [], next: null })
    assert.equal((await call('POST', path, asOperator, { body })).status, 404)
    assert.equal((await call('GET', `${path}/${id}`, asMember('mem_dave'))).status, 200)
  })

  it('are removed for good', async () => {
    const frank = asMember('mem_frank')
    const { id } = (await call('POST', path, frank, { body })).body
    const removed = await call('DELETE', `${path}/${id}`, frank)
    assert.deepEqual([removed.status, removed.text], [204, ''])
    assert.equal((await call('DELETE', `${path}/${id}`, frank)).status, 404)
    assert.equal((await call('GET', `${path}/${id}`, frank)).status, 404)
    assert.equal((await call('GET', `${path}/%00`, frank)).status, 404)
  })

  it('are at most ten a member, however many are registered at once', async () => {
    const grace = asMember('mem_grace')
    const answers = await Promise.all(Array.from({ length: 14 }, () => call('POST', path, grace, { body })))
    const refused = answers.filter((answer) => answer.status !== 201)
    assert.deepEqual(
      refused.map((answer) => [answer.status, answer.body.code]),
      Array.from({ length: 4 }, () => [409, 'conflict']),
    )
    const first = (await call('GET', `${path}?limit=6`, grace)).body
    const second = (await call('GET', `${path}?limit=6&cursor=${first.next}`, grace)).body
    assert.deepEqual([first.items.length, second.items.length, second.next], [6, 4, null])
    const ids = [...first.items, ...second.items].map(({ id }: { id: string }) => id)
    assert.deepEqual(ids, [...new Set(ids)].sort())
  })

  it('lead outside only', async () => {
    const urls = [
      'http://hooks.example.com/',
      'ftp://hooks.example.com/',
      'https://member:password@hooks.example.com/',
      'https://127.0.0.1/',
      'https://2130706433/',
      'http://localhost:8081/metrics',
      'https://10.1.2.3/',
      'https://169.254.169.254/latest/meta-data',
      'https://[::1]/',
      'https://[::ffff:10.0.0.1]/',
      'hooks.example.com',
    ]
    for (const url of urls) {
      const refused = await call('POST', path, asMember('mem_heidi'), { body: { ...body, url } })
      assert.deepEqual([refused.status, refused.body.code], [422, 'unacceptable_value'], url)
    }
    assert.deepEqual((await call('GET', path, asMember('mem_heidi'))).body.items, [])
  })

  it('refuse a registration of another shape', async () => {
    const { url, events } = body
    const bodies = [
      { url },
      { events },
      { url, events: [] },
      { url, events: ['transfer.imagined'] },
      { url, events: ['*', '*'] },
      { url, events: '*' },
      { url: `https://hooks.example.com/${'x'.repeat(2_048)}`, events },
      { url, events, secret: 'whsec_mine' },
    ]
    for (const body of bodies) {
      const refused = await call('POST', path, asMember('mem_ivan'), { body })
      assert.deepEqual([refused.status, refused.body.code], [400, 'validation_failed'], JSON.stringify(body))
    }
  })
})
