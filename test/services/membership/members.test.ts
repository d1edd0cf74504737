import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import fc from 'fast-check'
import { type Instant, manualClock, toRfc3339 } from '../../../src/kernel/clock.ts'
import { asMember, asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type OpenMembership, openMembership } from './open-membership.ts'

const alice = { name: 'Alice Liddell', country: 'GB' }

onEachStore('members', (store) => {
  const clock = manualClock(Date.parse('2026-01-02T03:04:05.000Z') as Instant)
  let open: OpenMembership
  before(async () => {
    open = await openMembership(store, { clock })
  })
  after(() => open.close())

  const call: OpenMembership['call'] = (...of) => open.call(...of)
  const create = async (body: unknown = alice) => (await call('POST', '/v1/members', asOperator, { body })).body.id
  const patch = (id: string, ifMatch: string | null, body: unknown, claims = asOperator) =>
    call('PATCH', `/v1/members/${id}`, claims, { body, headers: ifMatch === null ? {} : { 'if-match': ifMatch } })
  const rollBack = (id: string, body: unknown, headers: Record<string, string> = {}) =>
    call('POST', `/v1/members/${id}/rollback`, asOperator, { body, headers })

  it('is created by an operator, and by no service, as version 1', async () => {
    const created = await call('POST', '/v1/members', asOperator, { body: alice })
    assert.equal(created.status, 201)
    assert.match(created.body.id, /^mem_/)
    assert.equal(created.headers['location'], `/v1/members/${created.body.id}`)
    assert.equal(created.headers['etag'], '"1"')
    const { id } = created.body
    assert.deepEqual(created.body, { id, version: 1, ...alice, recordedAt: toRfc3339(clock.now()) })
    assert.equal((await call('POST', '/v1/members', asService('risk'), { body: alice })).status, 404)
  })

  it('is read by itself, operators and services, and is not there for another member', async () => {
    const id = await create()
    for (const claims of [asMember(id), asOperator, asService('cash-flow')]) {
      assert.equal((await call('GET', `/v1/members/${id}`, claims)).status, 200)
    }
    const other = asMember('mem_other')
    const answers = [
      await call('GET', `/v1/members/${id}`, other),
      await call('GET', `/v1/members/${id}/versions`, other),
      await patch(id, '"1"', { name: 'Mallory' }, other),
      await call('POST', `/v1/members/${id}/rollback`, other, { body: { version: 1 } }),
      await call('GET', '/v1/members/mem_nobody', asOperator),
      await call('GET', '/v1/members/mem_nobody/versions', asOperator),
      await call('GET', '/v1/members/%00', asOperator),
      await patch('mem_nobody', '*', { name: 'Nobody' }),
      await rollBack('mem_nobody', { version: 1 }),
    ]
    for (const answer of answers) assert.deepEqual([answer.status, answer.body.code], [404, 'not_found'])
    assert.equal((await call('GET', `/v1/members/${id}`, asOperator)).body.version, 1)
  })

  it('changes only for who saw its newest version', async () => {
    const id = await create()
    const missing = await patch(id, null, { name: 'A' })
    assert.deepEqual([missing.status, missing.body.code], [428, 'precondition_required'])
    const changed = await patch(id, '"1"', { name: 'Alice Hargreaves' })
    assert.deepEqual([changed.status, changed.headers['etag']], [200, '"2"'])
    assert.deepEqual([changed.body.name, changed.body.country], ['Alice Hargreaves', 'GB'])
    for (const ifMatch of ['"1"', '"3"', '"never-ours"', '"02"', '""'])
      for (const stale of [
        await patch(id, ifMatch, { name: 'B' }),
        await rollBack(id, { version: 1 }, { 'if-match': ifMatch }),
      ]) {
        assert.deepEqual([stale.status, stale.body.code, stale.body.state], [412, 'version_mismatch', { version: 2 }])
      }
    for (const ifMatch of ['W/"2"', '"1", "2"', '2', '', '"2'])
      for (const unread of [
        await patch(id, ifMatch, { name: 'C' }),
        await rollBack(id, { version: 1 }, { 'if-match': ifMatch }),
      ]) {
        assert.deepEqual([unread.status, unread.body.code], [400, 'validation_failed'], ifMatch)
      }
    assert.equal((await patch(id, '*', { country: 'FR' }, asMember(id))).body.version, 3)
  })

  it('lets one of many changes at once through', async () => {
    const id = await create()
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => patch(id, '"1"', { name: `Name ${n}` })))
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 412, 412, 412, 412, 412, 412, 412])
    assert.equal((await call('GET', `/v1/members/${id}`, asOperator)).body.version, 2)
  })

  it('answers as it was at a time or a version', async () => {
    const before = toRfc3339((clock.now() - 1) as Instant)
    const id = await create()
    const first = toRfc3339(clock.now())
    clock.advance(60_000)
    await patch(id, '"1"', { name: 'Second' })
    const read = (asOf: string) => call('GET', `/v1/members/${id}?asOf=${encodeURIComponent(asOf)}`, asMember(id))
    assert.equal((await read(first)).body.name, alice.name)
    assert.equal((await read(first.replace('Z', '+00:00'))).body.name, alice.name)
    assert.equal((await read('1')).headers['etag'], '"1"')
    assert.equal((await read('2')).body.name, 'Second')
    assert.equal((await read('2999-01-01T00:00:00Z')).body.version, 2)
    for (const asOf of [before, '3', '0']) assert.equal((await read(asOf)).status, 404, asOf)
    for (const asOf of ['yesterday', '2026-01-02', '-1', '', '1.5']) assert.equal((await read(asOf)).status, 400, asOf)
  })

  it('lists its versions newest first, page by page, with who made each', async () => {
    const id = await create()
    await patch(id, '"1"', { name: 'Second' }, asMember(id))
    const back = await rollBack(id, { version: 1 }, { 'if-match': '"2"' })
    assert.deepEqual([back.status, back.body.version, back.body.name], [200, 3, alice.name])
    const list = async (query: string) => (await call('GET', `/v1/members/${id}/versions${query}`, asMember(id))).body
    const recordedAt = toRfc3339(clock.now())
    const page = await list('?limit=2')
    assert.deepEqual(page.items, [
      { id, version: 3, fields: alice, actor: 'operator:op_olga', recordedAt, rollbackOf: 1 },
      { id, version: 2, fields: { ...alice, name: 'Second' }, actor: `member:${id}`, recordedAt, rollbackOf: null },
    ])
    const last = await list(`?limit=2&cursor=${page.next}`)
    assert.deepEqual([last.items.length, last.items[0].version, last.next], [1, 1, null])
    assert.equal((await list('?limit=3')).next, null)
    for (const query of ['?limit=0', '?limit=101', '?limit=x', '?cursor=x', '?page=1']) {
      assert.equal((await list(query)).code, 'validation_failed', query)
    }
  })

  it('refuses to roll back to what never was', async () => {
    const id = await create()
    const unknown = await rollBack(id, { version: 2 })
    assert.deepEqual([unknown.status, unknown.body.code], [422, 'unknown_reference'])
    for (const body of [{ version: 0 }, { version: '1' }, { version: 1.5 }, {}, { version: 1, force: true }]) {
      assert.equal((await rollBack(id, body)).status, 400)
    }
  })

  it('refuses names and countries that are none', async () => {
    const name = 'x'
    const bodies: readonly [body: unknown, status: number, code: string][] = [
      [{ name, country: 'GB', age: 7 }, 400, 'validation_failed'],
      [{ name: '', country: 'GB' }, 400, 'validation_failed'],
      [{ name: '\u{1F600}'.repeat(141), country: 'GB' }, 400, 'validation_failed'],
      [{ name: 'a\u0007b', country: 'GB' }, 400, 'validation_failed'],
      [{ name: 'a\u0085b', country: 'GB' }, 400, 'validation_failed'],
      [{ name: '\ud83d', country: 'GB' }, 400, 'validation_failed'],
      [{ name, country: 'gb' }, 400, 'validation_failed'],
      [{ name, country: 'GBR' }, 400, 'validation_failed'],
      [{ name }, 400, 'validation_failed'],
      [[], 400, 'validation_failed'],
      [{ name, country: 'UK' }, 422, 'unacceptable_value'],
      [{ name, country: 'ZZ' }, 422, 'unacceptable_value'],
    ]
    for (const [body, status, code] of bodies) {
      const refused = await call('POST', '/v1/members', asOperator, { body })
      assert.deepEqual([refused.status, refused.body.code], [status, code], JSON.stringify(body))
    }
    const id = await create({ name: '\u{1F600}'.repeat(140), country: 'CN' })
    assert.equal((await patch(id, '"1"', {})).status, 400)
    assert.equal((await patch(id, '"1"', { country: 'ZZ' })).status, 422)
  })

  it('keeps every version as it was, whatever comes after', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('rename' as const),
        name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
      }),
      fc.record({ kind: fc.constant('rollback' as const), to: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ kind: fc.constant('stale' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        const id = await create()
        const names = [alice.name]
        for (const step of steps) {
          clock.advance(1_000)
          const newest = names.length
          if (step.kind === 'rename') {
            const changed = await patch(id, `"${newest}"`, { name: step.name })
            if (changed.status === 200) names.push(step.name)
            else assert.equal(changed.status, 400)
          } else if (step.kind === 'rollback') {
            const known = names[step.to - 1]
            assert.equal((await rollBack(id, { version: step.to })).status, known === undefined ? 422 : 200)
            if (known !== undefined) names.push(known)
          } else assert.equal((await patch(id, `"${newest + 1}"`, { name: 'x' })).status, 412)
        }
        const { items } = (await call('GET', `/v1/members/${id}/versions`, asOperator)).body
        const kept: { version: number; recordedAt: string; fields: { name: string } }[] = items.toReversed()
        assert.deepEqual(
          kept.map(({ fields }) => fields.name),
          names,
        )
        for (const { version, recordedAt, fields } of kept) {
          const asOf = await call('GET', `/v1/members/${id}?asOf=${recordedAt}`, asOperator)
          assert.deepEqual([asOf.body.version, asOf.body.name], [version, fields.name])
        }
      }),
      { numRuns: 20 },
    )
  })

  it('is seeded once under its fixed id', async () => {
    await open.membership.seedMember('mem_seeded', alice)
    await open.membership.seedMember('mem_seeded', { name: 'Another', country: 'CN' })
    const { body } = await call('GET', '/v1/members/mem_seeded', asService('cash-flow'))
    assert.deepEqual([body.version, body.name], [1, alice.name])
  })
})
