import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { type Instant, manualClock, toRfc3339 } from '../../../src/kernel/clock.ts'
import { asMember, asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type OpenMembership, openMembership } from './open-membership.ts'

const first = { status: 'active', level: 0, kind: 'person', reason: 'as every member begins' }

onEachStore('the standing of a member', (store) => {
  const clock = manualClock(Date.parse('2026-01-02T03:04:05.000Z') as Instant)
  let open: OpenMembership
  before(async () => {
    open = await openMembership(store, { clock })
  })
  after(() => open.close())

  const call: OpenMembership['call'] = (...of) => open.call(...of)
  const create = async (): Promise<string> =>
    (await call('POST', '/v1/members', asOperator, { body: { name: 'Alice', country: 'GB' } })).body.id
  const change = (id: string, version: number, body: object, claims = asOperator) =>
    call('PATCH', `/v1/standings/${id}`, claims, { body, headers: { 'if-match': `"${version}"` } })
  const notActive = async () => (await call('GET', '/internal/standings', asService('edge'))).body

  it('is there from the first version of the member on, seeded ones too, for operators and services', async () => {
    await open.membership.seedMember('mem_seeded', { name: 'Seeded', country: 'GB' })
    for (const id of [await create(), 'mem_seeded']) {
      for (const claims of [asOperator, asService('cash-flow')]) {
        const read = await call('GET', `/v1/standings/${id}`, claims)
        assert.deepEqual(read.body, { id, version: 1, ...first, recordedAt: toRfc3339(clock.now()) })
      }
      assert.equal((await call('GET', `/v1/standings/${id}`, asMember(id))).status, 404)
      assert.equal((await change(id, 1, { level: 9, reason: 'my own' }, asMember(id))).status, 404)
    }
    assert.equal((await call('GET', '/v1/standings/mem_nobody', asOperator)).status, 404)
    assert.equal((await call('POST', '/v1/standings', asOperator, { body: first })).status, 404)
  })

  it('keeps every version, with who made it and why, and is read as it was', async () => {
    const id = await create()
    const before = toRfc3339(clock.now())
    clock.advance(1_000)
    const verified = await change(id, 1, { level: 2, reason: 'passport seen' })
    assert.deepEqual([verified.status, verified.body.level, verified.body.status], [200, 2, 'active'], verified.text)
    assert.equal((await change(id, 1, { level: 3, reason: 'late' })).body.code, 'version_mismatch')
    await change(id, 2, { status: 'frozen', kind: 'organisation', reason: 'case 17' })
    const back = await call('POST', `/v1/standings/${id}/rollback`, asOperator, { body: { version: 2 } })
    assert.deepEqual([back.body.version, back.body.status, back.body.kind], [4, 'active', 'person'])
    assert.equal((await call('GET', `/v1/standings/${id}?asOf=${before}`, asOperator)).body.level, 0)
    assert.equal((await call('GET', `/v1/standings/${id}?asOf=3`, asOperator)).body.status, 'frozen')
    const { body } = await call('GET', `/v1/standings/${id}/versions`, asOperator)
    assert.deepEqual(
      body.items.map(({ version, actor, fields }: { version: number; actor: string; fields: typeof first }) => {
        return [version, actor, fields.reason]
      }),
      [
        [4, 'operator:op_olga', 'passport seen'],
        [3, 'operator:op_olga', 'case 17'],
        [2, 'operator:op_olga', 'passport seen'],
        [1, 'operator:op_olga', first.reason],
      ],
    )
  })

  it('is told by the feed with each change, and to who begins to follow: those who are not active now', async () => {
    const [frozen, again, closed] = [await create(), await create(), await create()]
    const { seq } = await notActive()
    await change(frozen, 1, { status: 'frozen', reason: 'case 18' })
    await change(again, 1, { status: 'frozen', reason: 'case 19' })
    await change(again, 2, { status: 'active', reason: 'case 19 is over' })
    await change(closed, 1, { status: 'closed', reason: 'as asked for' })
    const { body: feed } = await call('GET', `/internal/feed?after=${seq}&waitMs=0`, asService('edge'))
    const told = (member: string, version: number, status: string) => {
      return { member, version, status, level: 0, kind: 'person' }
    }
    assert.deepEqual(
      feed.items.map(({ type, data }: { type: string; data: object }) => [type, data]),
      [told(frozen, 2, 'frozen'), told(again, 2, 'frozen'), told(again, 3, 'active'), told(closed, 2, 'closed')].map(
        (data) => ['standing.changed', data],
      ),
    )
    const page = await notActive()
    const mine = page.items.filter(({ member }: { member: string }) => [frozen, again, closed].includes(member))
    assert.deepEqual(
      new Map(mine.map(({ member, status }: { member: string; status: string }) => [member, status])),
      new Map([
        [frozen, 'frozen'],
        [closed, 'closed'],
      ]),
    )
    assert.equal(BigInt(page.seq), BigInt(seq) + 4n)
    const after = await call('GET', `/internal/standings?cursor=${mine[0].member}`, asService('edge'))
    assert.ok(!after.body.items.some(({ member }: { member: string }) => member <= mine[0].member))
  })

  it('stays when the person is erased, and can still be changed', async () => {
    const id = await create()
    await call('POST', `/v1/members/${id}/erase`, asOperator, { body: { reason: 'request 1' } })
    assert.equal((await change(id, 1, { status: 'closed', reason: 'request 1' })).status, 200)
  })

  const unsound: readonly (readonly [why: string, body: object])[] = [
    ['no reason', { status: 'frozen' }],
    ['a reason alone', { reason: 'why' }],
    ['a status that there is not', { status: 'sleeping', reason: 'why' }],
    ['a level above nine', { level: 10, reason: 'why' }],
    ['an unknown field', { mood: 'good', reason: 'why' }],
  ]
  for (const [why, body] of unsound) {
    it(`is not changed by ${why}`, async () => {
      const refused = await change(await create(), 1, body)
      assert.deepEqual([refused.status, refused.body.code], [400, 'validation_failed'])
    })
  }
})
