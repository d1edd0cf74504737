import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { asMember, asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { eventually, startWorld, type World } from './world.ts'

onEachStore('what became known of a transfer', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  const maker = () => `mem_${randomUUID()}`
  const label = (assessment: string, as: string, claims = asOperator) =>
    world.call('POST', `/v1/assessments/${assessment}/labels`, claims, {
      body: { label: as, note: 'the bank says so' },
    })
  const read = async (id: string) => (await world.call('GET', `/v1/cases/${id}`, asOperator)).body

  test('fraud gives open cases on the same payee another version, and voids their votes', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita' })
    const other = await world.assess({ member: maker(), value: '10.00' })
    assert.equal((await label(other.body.id, 'false_alarm')).status, 201)
    assert.equal((await read(opened.case)).caseVersion, 1)
    assert.equal((await label(other.body.id, 'confirmed_fraud')).status, 201)
    const changed = await read(opened.case)
    assert.deepEqual([changed.caseVersion, changed.approvals], [2, 0])
    assert.deepEqual(changed.facts.since, [{ what: 'label', label: 'confirmed_fraud', assessment: other.body.id }])
    const { caseVersion, snapshotHash } = opened
    const stale = await world.decide({
      case: opened.case,
      vote: 'approve',
      reviewer: 'rolf',
      caseVersion,
      snapshotHash,
    })
    assert.match(String(stale.body['detail']), /another payment to the payee is confirmed_fraud/)
    await eventually(async () => (await world.inbox()).find(({ body }) => body.type === 'review.case.changed'))
    assert.equal(
      (await world.decide({ case: opened.case, vote: 'decline', reviewer: 'rolf' })).body['state'],
      'declined',
    )
  })

  test('labels are added and never changed, by operators alone', async () => {
    const { body } = await world.assess({ member: maker(), value: '10.00' })
    await label(body.id, 'chargeback')
    const both = (await label(body.id, 'false_alarm')).body.items as { n: number; label: string; actor: string }[]
    assert.deepEqual(
      both.map((each) => [each.n, each.label, each.actor]),
      [
        [1, 'chargeback', 'op_olga'],
        [2, 'false_alarm', 'op_olga'],
      ],
    )
    assert.equal((await label(body.id, 'perhaps')).status, 400)
    assert.equal((await label('asm_none', 'chargeback')).status, 404)
    for (const claims of [asMember('mem_alice'), asService('cash-flow')]) {
      assert.equal((await label(body.id, 'chargeback', claims)).status, 404)
    }
  })

  test('recorded assessments come in pages, oldest first, each once', async () => {
    const since = new Date(world.clock.now() - 3_600_000).toISOString()
    for (let count = 0; count < 5; count++) await world.assess({ member: maker(), value: '10.00' }) // of one millisecond
    const ids: string[] = []
    let total = 0
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query = new URLSearchParams({ since, limit: '2', ...(cursor === '' ? {} : { cursor }) })
      const page = (await world.call('GET', `/v1/assessments?${query}`, asOperator)).body
      ids.push(...page.items.map(({ id }: { id: string }) => id))
      total = page.total
      cursor = page.next
    }
    assert.equal(ids.length, total)
    assert.equal(new Set(ids).size, total)
    assert.ok(total >= 8)
  })
})
