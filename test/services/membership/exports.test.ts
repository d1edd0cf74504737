import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import type { Clock, Instant } from '../../../src/kernel/clock.ts'
import type { Sql } from '../../../src/platform/database.ts'
import type { PersonPage, PersonStep } from '../../../src/platform/person.ts'
import type { PersonSource } from '../../../src/services/membership/index.ts'
import { asAnonymous, asMember, asOperator, asService } from '../../support/caller.ts'
import { eventually } from '../../support/edge-calls.ts'
import { onEachStore } from '../../support/stores.ts'
import { type OpenMembership, openMembership } from './open-membership.ts'

const DAY_MS = 86_400_000
const person = { name: 'Alice Liddell', country: 'GB' }
const reason = 'request 2027-114'

onEachStore('exports of persons', (store) => {
  let now = Date.parse('2026-03-02T09:00:00Z')
  const clock: Clock = { now: () => now as Instant }
  const pages = { count: 3, ask: async (_step: PersonStep, _signal: AbortSignal): Promise<void> => {} }
  /** Stands for the services: so many pages, each with what tells of the person. */
  const source: PersonSource = {
    service: 'cash-flow',
    plan: async () => ({
      steps: [{ section: 'entries', cursor: '1' }],
      heads: [{ shard: 0, seq: 7, hash: 'f'.repeat(64) }],
    }),
    async page(_member, _audience, step, signal): Promise<PersonPage> {
      await pages.ask(step, signal)
      const page = Number(step.cursor)
      return { items: [{ page, reference: 'dinner' }], next: page < pages.count ? String(page + 1) : null }
    },
  }
  let open: OpenMembership
  before(async () => {
    open = await openMembership(store, { clock, sources: [source] })
    open.membership.start()
  })
  after(() => open.close())

  const call: OpenMembership['call'] = (...of) => open.call(...of)
  const create = async (): Promise<string> => (await call('POST', '/v1/members', asOperator, { body: person })).body.id
  const begin = (member: string) => call('POST', '/v1/exports', asMember(member), { body: {} })
  const read = async (id: string) => (await call('GET', `/v1/exports/${id}`, asOperator)).body
  const part = (id: string, number: number) => call('GET', `/v1/exports/${id}/parts/${number}`, asOperator)
  const ended = (id: string, state: string) =>
    eventually(`${id} is ${state}`, async () => {
      now += 60_000 // what is to be tried again later is tried now
      const found = await read(id)
      return found.state === state && found
    })
  const rows = (text: string) =>
    open.database.transaction(async (sql: Sql) => {
      await sql.query('RESET ROLE') // as the owner of the tables, whom no right holds back
      return sql.query(text)
    })

  it('go on after a service was away, and end when it was away for a day', async () => {
    const member = await create()
    let away = 2
    pages.ask = async ({ cursor }) => {
      if (cursor !== '2' || away === 0) return
      away -= 1
      throw new Error('cash flow is away')
    }
    const { body: begun } = await begin(member)
    assert.deepEqual([begun.state, begun.requestedBy, begun.seal], ['running', 'member', null])
    assert.equal((await begin(member)).body.id, begun.id) // one at a time
    const ready = await ended(begun.id, 'ready')
    assert.deepEqual([ready.parts, ready.items, away], [3, { entries: 3 }, 0])
    pages.ask = () => Promise.reject(new Error('cash flow is away'))
    const { body: late } = await begin(member)
    await eventually('a failed try', async () => (await read(late.id)).error === 'cash flow is away')
    now += DAY_MS
    await ended(late.id, 'failed')
    pages.ask = async () => {}
    const told = (await call('GET', '/v1/events', asMember(member))).body.items
    assert.deepEqual(
      told.map(({ type, data }: { type: string; data: { export: string } }) => [type, data.export]),
      [
        ['export.ready', begun.id],
        ['export.failed', late.id],
      ],
    )
  })

  it('are kept sealed by the key of the person, and destroyed with it: a part from a backup tells nothing', async () => {
    const member = await create()
    const { body: begun } = await begin(member)
    await ended(begun.id, 'ready')
    assert.equal((await part(begun.id, 1)).body.items[0].reference, 'dinner')
    const kept = await rows(`SELECT * FROM person_export_part WHERE export = '${begun.id}'`)
    assert.equal(kept.length, 3)
    assert.doesNotMatch(JSON.stringify(kept), /dinner/)
    await rows(`CREATE TABLE IF NOT EXISTS kept_part AS SELECT * FROM person_export_part WHERE export = '${begun.id}'`)
    assert.equal((await call('POST', `/v1/members/${member}/erase`, asOperator, { body: { reason } })).status, 200)
    assert.equal((await read(begun.id)).state, 'destroyed')
    assert.deepEqual(await rows(`SELECT * FROM person_export_part WHERE export = '${begun.id}'`), [])
    await rows('INSERT INTO person_export_part SELECT * FROM kept_part')
    await rows(`UPDATE person_export SET state = 'ready' WHERE id = '${begun.id}'`)
    assert.deepEqual(
      [(await part(begun.id, 1)).status, (await part(begun.id, 1)).body.code],
      [503, 'dependency_unavailable'],
    )
    await rows('DROP TABLE kept_part')
  })

  it('an erasure in between leaves no half: what was gathered is gone, and nothing more is', async () => {
    const member = await create()
    const asked = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    pages.ask = async ({ cursor }) => {
      if (cursor !== '3') return
      asked.resolve()
      await goOn.promise
    }
    const { body: begun } = await begin(member)
    await asked.promise
    assert.equal((await part(begun.id, 1)).status, 409) // what is not whole is not given
    await call('POST', `/v1/members/${member}/erase`, asOperator, { body: { reason } })
    goOn.resolve()
    pages.ask = async () => {}
    const { body: later } = await call('POST', `/v1/members/${member}/exports`, asOperator, {
      body: { audience: 'operator', reason },
    })
    const ready = await ended(later.id, 'ready') // after the page above, whatever became of it
    assert.deepEqual((await read(begun.id)).state, 'destroyed')
    assert.deepEqual(await rows(`SELECT * FROM person_export_part WHERE export = '${begun.id}'`), [])
    const { erased } = JSON.parse(Buffer.from(ready.seal.split('.')[1], 'base64url').toString())
    assert.ok(erased.at)
    assert.equal((await rows(`SELECT * FROM member_key WHERE member = '${later.id}'`)).length, 1)
    await call('POST', `/v1/members/${member}/erase`, asOperator, { body: { reason } })
    assert.equal((await part(later.id, 1)).status, 200) // sealed by a key of its own, until it expires
    now += 8 * DAY_MS
    await ended(later.id, 'expired')
    assert.deepEqual(await rows(`SELECT * FROM member_key WHERE member = '${later.id}'`), [])
  })

  it('a process that ends in between is followed by another, which goes on from there', async () => {
    const member = await create()
    const asked = Promise.withResolvers<void>()
    pages.ask = async ({ cursor }, signal) => {
      if (cursor !== '2') return
      asked.resolve()
      await new Promise((_done, fail) => signal.addEventListener('abort', fail)) // answered by nobody
    }
    const { body: begun } = await begin(member)
    await asked.promise
    await open.membership.close()
    assert.equal((await read(begun.id)).parts, 1)
    const seen: string[] = []
    pages.ask = async ({ cursor }) => void seen.push(cursor)
    open.membership.start()
    const ready = await ended(begun.id, 'ready')
    assert.deepEqual([ready.parts, seen], [3, ['2', '3']])
  })

  it('are so many at a time, expire, and are given to nobody who calls as a service', async () => {
    const member = await create()
    const ids: string[] = []
    for (let count = 0; count < 5; count += 1) {
      const { body } = await begin(member)
      ids.push(body.id)
      await ended(body.id, 'ready')
    }
    const more = await begin(member)
    assert.deepEqual([more.status, more.body.code], [409, 'conflict'])
    for (const claims of [asService('risk'), asAnonymous]) {
      assert.equal((await call('POST', '/v1/exports', claims, { body: {} })).status, 404)
      assert.equal((await call('GET', `/v1/exports/${ids[0]}`, claims)).status, 404)
    }
    assert.equal((await call('GET', `/internal/persons/${member}`, asOperator)).status, 404)
    now += 8 * DAY_MS
    for (const id of ids) await ended(id, 'expired')
    assert.deepEqual([(await part(ids[0] ?? '', 1)).status, (await begin(member)).status], [409, 202])
  })
})
