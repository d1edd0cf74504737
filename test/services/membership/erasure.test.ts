import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from '../../../src/platform/database.ts'
import type { NamedKey } from '../../../src/platform/key-file.ts'
import { asMember, asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type OpenMembership, openMembership } from './open-membership.ts'

const person = { name: 'Alice Liddell', country: 'GB' }
const reason = 'request 2027-114'
const kek = (kid: string): NamedKey => ({ kid, secret: randomBytes(32) })

onEachStore("members' keys", (store) => {
  const first = kek('first')
  let ring: readonly NamedKey[] = [first]
  let open: OpenMembership
  before(async () => {
    open = await openMembership(store, { ring: () => ring })
    open.membership.start()
  })
  after(() => open.close())

  const call: OpenMembership['call'] = (...of) => open.call(...of)
  const create = async (): Promise<string> => (await call('POST', '/v1/members', asOperator, { body: person })).body.id
  const rename = (id: string, version: number, name: string) =>
    call('PATCH', `/v1/members/${id}`, asOperator, { body: { name }, headers: { 'if-match': `"${version}"` } })
  const erase = (id: string, body: unknown = { reason }, claims = asOperator) =>
    call('POST', `/v1/members/${id}/erase`, claims, { body })
  const read = async (target: string) => (await call('GET', `/v1/members/${target}`, asOperator)).body

  /** As the owner of the tables, whom no right holds back. */
  const asOwner = <T>(work: (sql: Sql) => Promise<T>): Promise<T> =>
    open.database.transaction(async (sql) => {
      await sql.query('RESET ROLE')
      return work(sql)
    })
  const rows = (text: string) => asOwner((sql) => sql.query(text))

  it('seals what tells of a person, and keeps nothing of it in the clear', async () => {
    const id = await create()
    await rename(id, 1, 'Alice Hargreaves')
    const kept = JSON.stringify(await rows('SELECT data, actor FROM record_version'))
    assert.doesNotMatch(kept, /Alice|Liddell|Hargreaves|"GB"/)
    const [key] = await rows(`SELECT * FROM member_key WHERE member = '${id}'`)
    assert.equal(key?.['kek'], 'first')
    assert.equal((await read(id)).name, 'Alice Hargreaves')
    assert.equal((await read(`${id}?asOf=1`)).name, person.name)
  })

  it('are destroyed by an erasure: no version tells of a person any more, and each is still there', async () => {
    const [id, other] = [await create(), await create()]
    await rename(id, 1, 'Alice Hargreaves')
    const before = await read(`${id}/versions`)
    const answer = await erase(id)
    const erased = { at: answer.body.erased.at, by: 'operator:op_olga', reason }
    const gone = { name: null, country: null, erased }
    const { recordedAt } = before.items[0]
    assert.deepEqual([answer.status, answer.body], [200, { id, version: 2, ...gone, recordedAt }])
    assert.deepEqual(await read(id), answer.body)
    assert.deepEqual((await call('GET', `/v1/members/${id}`, asMember(id))).body, answer.body)
    for (const asOf of ['1', '2', before.items[1].recordedAt]) {
      const { name, country, erased: by } = await read(`${id}?asOf=${asOf}`)
      assert.deepEqual([name, country, by], [null, null, erased], asOf)
    }
    const left = before.items.map((item: object) => ({ ...item, fields: gone }))
    assert.deepEqual((await read(`${id}/versions`)).items, left)
    assert.deepEqual(await rows(`SELECT * FROM member_key WHERE member = '${id}'`), [])
    assert.equal((await read(other)).name, person.name)
  })

  it('an erased member takes no further version, and is erased once', async () => {
    const id = await create()
    const { body: first } = await erase(id)
    for (const late of [
      await rename(id, 1, 'Back again'),
      await call('POST', `/v1/members/${id}/rollback`, asOperator, { body: { version: 1 } }),
    ])
      assert.deepEqual([late.status, late.body.code], [409, 'conflict'])
    assert.deepEqual((await erase(id, { reason: 'another' })).body, first)
    assert.equal((await read(`${id}/versions`)).items.length, 1)
  })

  it('of many changes and an erasure at once none brings a person back', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, create))
    await Promise.all(ids.flatMap((id) => [rename(id, 1, 'Meanwhile'), erase(id), rename(id, 1, 'Meanwhile')]))
    for (const id of ids) {
      for (const { fields } of (await read(`${id}/versions`)).items) assert.equal(fields.name, null)
      assert.deepEqual(await rows(`SELECT * FROM member_key WHERE member = '${id}'`), [])
    }
  })

  it('takes the endpoints of an erased member away, and no new ones', async () => {
    const id = await create()
    const body = { url: 'https://alice.example/hook', events: ['*'] }
    const register = () => call('POST', '/v1/webhook-endpoints', asMember(id), { body })
    assert.equal((await register()).status, 201)
    await erase(id)
    assert.deepEqual((await call('GET', '/v1/webhook-endpoints', asMember(id))).body.items, [])
    const late = await register()
    assert.deepEqual([late.status, late.body.code], [409, 'conflict'])
    assert.doesNotMatch(JSON.stringify(await rows('SELECT * FROM webhook_endpoint')), /alice\.example/)
  })

  it('nobody but an operator erases, a reason is asked for, and nobody is erased who is not there', async () => {
    const id = await create()
    for (const claims of [asMember(id), asService('risk')])
      assert.equal((await erase(id, { reason }, claims)).status, 404)
    for (const body of [{}, { reason: '' }, { reason, more: 1 }]) assert.equal((await erase(id, body)).status, 400)
    for (const nobody of ['mem_nobody', 'acc_alice']) assert.equal((await erase(nobody)).status, 404)
    assert.equal((await read(id)).name, person.name)
  })

  it("a sealed version is no other version's and no other member's", async () => {
    const [id, other] = [await create(), await create()]
    await rename(id, 1, 'Second')
    const sealed = "kind = 'member' AND"
    const put = (from: string, to: string) =>
      rows(
        `UPDATE record_version SET data = (SELECT data FROM record_version WHERE ${sealed} ${from}) WHERE ${sealed} ${to}`,
      )
    await put(`id = '${id}' AND version = 1`, `id = '${id}' AND version = 2`)
    await put(`id = '${id}' AND version = 1`, `id = '${other}' AND version = 1`)
    for (const spoilt of [id, other]) assert.equal((await call('GET', `/v1/members/${spoilt}`, asOperator)).status, 500)
    assert.equal((await read(`${id}?asOf=1`)).name, person.name)
  })

  it('what was written before members had keys is sealed before the first call', async () => {
    const insert = (id: string, version: number) =>
      `INSERT INTO record_version_plain (kind, id, version, data, rollback_of, actor, recorded_at) VALUES ('member', '${id}', ${version},
       '{"name":"Old ${id} ${version}","country":"FR"}', NULL, 'operator:op_olga', '2026-01-0${version}T00:00:00Z')`
    const ids = Array.from({ length: 260 }, (_, at) => `mem_old${String(at).padStart(3, '0')}`)
    await asOwner(async (sql) => {
      for (const id of ids) for (const version of [1, 2]) await sql.query(insert(id, version))
    })
    await open.membership.prepare()
    assert.deepEqual(await rows('SELECT id FROM record_version_plain'), [])
    for (const id of [ids[0] ?? '', ids[249] ?? '', ids[259] ?? '']) {
      const { items } = await read(`${id}/versions`)
      assert.deepEqual(
        items.map(({ fields, recordedAt }: { fields: unknown; recordedAt: string }) => [fields, recordedAt]),
        [2, 1].map((version) => [{ name: `Old ${id} ${version}`, country: 'FR' }, `2026-01-0${version}T00:00:00.000Z`]),
      )
    }
    assert.doesNotMatch(JSON.stringify(await rows('SELECT data FROM record_version')), /Old mem/)
  })

  it('are wrapped anew by a key that was put in front, after which the old one can go', async () => {
    const id = await create()
    ring = [kek('second'), first]
    while ((await rows("SELECT * FROM member_key WHERE kek <> 'second'")).length > 0) await sleep(20)
    ring = ring.slice(0, 1)
    assert.equal((await read(id)).name, person.name)
    await open.membership.prepare()
  })

  it('that are wrapped by a key which was taken away refuse the start, and the read until it is back', async () => {
    const id = await create()
    const whole = ring
    ring = [{ ...kek('third'), kid: 'third' }]
    const refused = await call('GET', `/v1/members/${id}`, asOperator)
    assert.deepEqual([refused.status, refused.body.code], [503, 'dependency_unavailable'])
    await assert.rejects(open.membership.prepare(), /not in member-keys\.json any more: second/)
    ring = whole
    assert.equal((await read(id)).name, person.name)
  })

  it('that a backup brings back open nothing, and are destroyed again at the next start', async () => {
    const id = await create()
    const [key] = await rows(`SELECT * FROM member_key WHERE member = '${id}'`)
    await erase(id)
    await rows(`INSERT INTO member_key VALUES ('${id}', '${key?.['kek']}', '${key?.['wrapped']}', now())`)
    assert.equal((await read(id)).name, null)
    await open.membership.prepare()
    assert.deepEqual(await rows(`SELECT * FROM member_key WHERE member = '${id}'`), [])
  })

  it('a key that is lost is not taken for an erasure', async () => {
    const id = await create()
    await rows(`DELETE FROM member_key WHERE member = '${id}'`)
    const answer = await call('GET', `/v1/members/${id}`, asOperator)
    assert.deepEqual([answer.status, answer.body.code], [503, 'dependency_unavailable'])
    assert.equal((await rename(id, 1, 'New')).status, 503)
    assert.equal((await erase(id)).body.name, null)
  })
})
