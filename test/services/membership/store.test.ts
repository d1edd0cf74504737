import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { systemClock } from '../../../src/kernel/clock.ts'
import type { Database, DatabaseServer } from '../../../src/platform/database.ts'
import { membershipMigrations } from '../../../src/services/membership/index.ts'
import { createMemberStore } from '../../../src/services/membership/store.ts'
import { tellMembers } from '../../../src/services/membership/telling.ts'
import { productMigrations } from '../../../src/services/product/index.ts'
import { testKeyRing } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'

onEachStore("membership's store", (store) => {
  let server: DatabaseServer
  let membership: Database
  let product: Database
  before(async () => {
    server = await store.open()
    membership = await server.open('membership', membershipMigrations)
    product = await server.open('product', productMigrations)
    await membership.transaction((sql) =>
      createMemberStore(systemClock, testKeyRing()).create(sql, 'mem_alice', { name: 'Alice', country: 'GB' }, 'seed'),
    )
  })
  after(() => server.close())

  const run = (database: Database, text: string) => database.transaction((sql) => sql.query(text))

  it('has no way to change or delete what happened', async () => {
    const texts = [
      "UPDATE record_version SET data = '{}'",
      'DELETE FROM record_version',
      "INSERT INTO record_version_plain VALUES ('member', 'mem_bob', 1, '{}', NULL, 'test', now())",
      'UPDATE member_erasure SET at = now()',
      'DELETE FROM member_erasure',
      'UPDATE member_event SET sequence = sequence + 1',
      'DELETE FROM member_event',
      "UPDATE told_event SET data = '{}'",
      'DELETE FROM told_event',
      'UPDATE revocation SET until = at',
      'DELETE FROM revocation',
      'DELETE FROM revocation_lift',
      'TRUNCATE record_version',
      "UPDATE webhook_endpoint SET url = 'https://elsewhere.example.com'",
    ]
    for (const text of texts) await assert.rejects(run(membership, text), /permission denied/, text)
  })

  it("can't be read, nor its records written, by another service", async () => {
    assert.equal((await run(membership, 'SELECT * FROM membership.record_version')).length, 2, 'a member, a standing')
    await assert.rejects(run(product, 'SELECT * FROM membership.record_version'), /permission denied/)
    await assert.rejects(run(membership, 'SELECT * FROM product.record_version'), /permission denied/)
  })

  it('refuses a record that is no member or standing, or is not sealed', async () => {
    const insert = (kind: string, id: string, data: string) =>
      run(
        membership,
        `INSERT INTO record_version (kind, id, version, data, actor, recorded_at)
         VALUES ('${kind}', '${id}', 1, '${data}', 'test', '2026-01-01T00:00:00Z')`,
      )
    const data = '{"iv":"AAAA","text":"AAAA"}'
    await assert.rejects(insert('product', 'mem_bob', data), /is_member/)
    await assert.rejects(insert('member', 'bob', data), /is_member/)
    for (const plain of ['{"name":"Bob","country":"GB"}', '{"iv":"AAAA","text":"AAAA","name":"Bob"}', '{}', '"Bob"'])
      await assert.rejects(insert('member', 'mem_bob', plain), /is_sealed|cannot delete/, plain)
    await insert('member', 'mem_bob', data)
    await assert.rejects(insert('standing', 'mem_bob', data), /is_standing/)
  })

  it('takes back the number of an event that was not kept', async () => {
    const event = { seq: 1n, id: 'evt_1' as const, type: 'transfer.posted', subject: 'trf_1', at: 0, data: {} }
    const tell = (id: string, fails: boolean) =>
      membership.transaction(async (sql) => {
        await tellMembers(sql, systemClock, [{ ...event, id: id as never, members: ['mem_alice'] }])
        if (fails) throw new Error('the transaction fails')
      })
    await tell('evt_1', false)
    await assert.rejects(tell('evt_2', true), /the transaction fails/)
    await assert.rejects(tell('evt_1', false), /told_event/, 'one event is kept once, and so told once')
    await tell('evt_3', false)
    const kept = await run(membership, 'SELECT id, sequence FROM member_event ORDER BY sequence')
    assert.deepEqual(kept, [
      { id: 'evt_1', sequence: 1n },
      { id: 'evt_3', sequence: 2n },
    ])
  })
})
