import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { asMember, asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { eventually, startWorld, type World } from './world.ts'

const DAY_MS = 24 * 3_600_000

onEachStore('cases', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  const maker = () => `mem_${randomUUID()}`
  const read = async (id: string) => (await world.call('GET', `/v1/cases/${id}`, asOperator)).body
  const closed = (id: string) =>
    eventually(async () => {
      const found = await read(id)
      return found.state !== 'open' && found
    })
  const types = async (id: string) => (await world.events(id)).map(({ type }) => type)

  test('a case that nobody decides is declined when it is due, once', async () => {
    const opened = await world.openCase(maker())
    world.clock.advance(DAY_MS - 1)
    assert.equal((await read(opened.case)).state, 'open')
    world.clock.advance(1)
    const found = await closed(opened.case)
    assert.deepEqual([found.state, found.reason], ['declined', 'timed out'])
    const { operation, transfer } = opened
    // A timer that looks once in those 24 hours escalates the case first.
    const told = (await world.events(opened.case)).filter(({ type }) => type !== 'case.escalated')
    const [, declined, ...rest] = told
    assert.equal(declined?.type, 'review.declined')
    assert.deepEqual(declined?.data, { case: opened.case, operation, transfer, reviewers: [], reason: 'timed out' })
    assert.deepEqual(rest, [])
  })

  test('votes and timer in the same millisecond: the case is declined once, and no vote counts', async () => {
    for (let round = 0; round < 5; round++) {
      const opened = await world.openCase(maker())
      world.clock.advance(DAY_MS)
      const votes = ['rita', 'rolf', 'rosa'].map((reviewer) =>
        world.decide({ case: opened.case, vote: 'approve', reviewer }),
      )
      for (const { status, body } of await Promise.all(votes)) {
        assert.equal(status, 409)
        assert.equal(body['code'], 'case_closed')
        assert.equal((body['state'] as { state: string }).state, 'declined')
      }
      assert.deepEqual(await types(opened.case), ['case.opened', 'review.declined'])
      assert.deepEqual((await read(opened.case)).votes, [])
    }
  })

  test('a case is due before its hold expires, however short the hold', async () => {
    const by = maker()
    const { body } = await world.assess({ member: by, value: '60000.00' })
    const expiresAt = world.clock.now() + 3_600_000
    await world.hold(by, body.id, '60000.00', 3_600_000)
    const { items } = await eventually(async () => {
      const list = (await world.call('GET', '/v1/cases?state=open&limit=1', asOperator)).body
      return list.items[0]?.maker === by && list
    })
    assert.ok(Date.parse(items[0].dueAt) < expiresAt)
  })

  test('money that was released or moved by other means closes the case without an event', async () => {
    const [voided, posted] = [await world.openCase(maker()), await world.openCase(maker())]
    world.feed('transfer.voided', { transfer: voided.transfer, reason: 'expired' }, world.clock.now())
    world.feed('transfer.posted', { transfer: posted.transfer, kind: 'capture' }, world.clock.now())
    const [one, two] = [await closed(voided.case), await closed(posted.case)]
    assert.deepEqual([one.state, one.reason], ['withdrawn', 'expired'])
    assert.deepEqual([two.state, two.reason], ['withdrawn', 'posted'])
    assert.deepEqual(await types(voided.case), ['case.opened'])
    const late = await world.decide({ case: voided.case, vote: 'approve', reviewer: 'rita' })
    assert.equal(late.body['code'], 'case_closed')
  })

  test("cash flow's own word of a decision leaves the case as it was decided", async () => {
    const opened = await world.openCase(maker())
    await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita' })
    world.feed('transfer.posted', { transfer: opened.transfer, kind: 'capture' }, world.clock.now())
    const next = await world.openCase(maker()) // comes after it in the feed
    assert.ok(next.case)
    assert.equal((await read(opened.case)).state, 'approved')
  })

  test('a hold that a member asked for, or of an assessment we do not know, opens no case and stops nothing', async () => {
    await world.hold(maker(), null, '60000.00')
    await world.hold(maker(), 'asm_unknown', '60000.00')
    const accepted = await world.assess({ member: maker(), value: '10.00' })
    const odd = await world.hold(maker(), accepted.body.id, '10.00')
    const opened = await world.openCase(maker())
    const { items } = (await world.call('GET', '/v1/cases?limit=100', asOperator)).body
    assert.equal(items[0].id, opened.case)
    assert.ok(!items.some(({ transfer }: { transfer: string }) => transfer === odd.transfer))
  })

  test('an operator decides, and may not decide on their own transfer', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    const vote = (id: string, claims = asOperator, body: unknown = { vote: 'approve', reason: 'called them' }) =>
      world.call('POST', `/v1/cases/${id}/votes`, claims, { body })
    const first = await vote(opened.case)
    assert.equal(first.status, 200)
    assert.deepEqual(first.body, { case: opened.case, state: 'open', approvals: 1, needed: 2, vote: 'approve' })
    assert.equal((await vote(opened.case)).body.code, 'reviewer_not_allowed')
    const second = await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita' })
    assert.equal(second.body['state'], 'approved')
    assert.equal((await vote(opened.case)).body.code, 'case_closed')

    const own = await world.openCase('op_olga')
    const refused = await vote(own.case)
    assert.equal(refused.status, 403)
    assert.equal(refused.body.code, 'reviewer_not_allowed')
    assert.equal((await vote('case_none')).status, 404)
    assert.equal((await vote(own.case, asOperator, { vote: 'approve', reason: '', extra: 1 })).status, 400)
    assert.equal((await vote(own.case, asOperator, { vote: 'perhaps', reason: '' })).status, 400)
  })

  test('a case shows its votes, and each change raises its version', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    const before = await read(opened.case)
    await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita', reason: 'fine' })
    const after = await read(opened.case)
    assert.deepEqual([before.version, after.version], [1, 2])
    assert.deepEqual([before.caseVersion, after.caseVersion], [1, 1])
    assert.deepEqual(after.votes.length, 1)
    const { reviewer, vote, reason } = after.votes[0]
    assert.deepEqual({ reviewer, vote, reason }, { reviewer: 'rita', vote: 'approve', reason: 'fine' })
    assert.deepEqual(after.amount, { currency: 'CNY', value: '85000.00' })
  })

  test('lists are pages, newest first, by state', async () => {
    const opened = [await world.openCase(maker()), await world.openCase(maker()), await world.openCase(maker())]
    const page = async (query: string) => (await world.call('GET', `/v1/cases?${query}`, asOperator)).body
    const first = await page('state=open&limit=2')
    const second = await page(`state=open&limit=2&cursor=${first.next}`)
    const ids = [...first.items, ...second.items].map(({ id }: { id: string }) => id)
    assert.equal(new Set(ids).size, ids.length)
    assert.deepEqual(ids.slice(0, 3).sort(), opened.map((each) => each.case).sort())
    assert.equal(
      (await page('state=approved&limit=100')).items.every((c: { state: string }) => c.state === 'approved'),
      true,
    )
    for (const bad of ['limit=0', 'limit=101', 'state=odd', 'cursor=%21', 'cursor=YWJj', 'extra=1'])
      assert.equal((await page(bad)).code, 'validation_failed', bad)
  })

  test('cases are for operators', async () => {
    for (const claims of [asMember('mem_alice'), asService('edge')]) {
      assert.equal((await world.call('GET', '/v1/cases', claims)).status, 404)
      assert.equal((await world.call('GET', '/v1/cases/case_x', claims)).status, 404)
      const body = { vote: 'approve', reason: '' }
      assert.equal((await world.call('POST', '/v1/cases/case_x/votes', claims, { body })).status, 404)
    }
  })
})
