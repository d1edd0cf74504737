import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { eventually, type OpenCase, startWorld, TERMS, type World } from './world.ts'

const DAY_MS = 24 * 3_600_000
const withRule = (rule: string) => (text: string) => text.replace('rules:\n', `rules:\n${rule}`)
const REJECT_BOB = `  - { id: no-bob, when: "transfer.to == 'acc_bob'", effect: reject, why: Bob is a fraud. }\n`
const OTHER = `  - { id: unrelated, when: "transfer.to == 'acc_nobody'", effect: reject }\n`
const SUSPENDED = (text: string) =>
  text.replace('lists:\n', 'lists:\n  - { name: suspended-reviewers, strings: [rolf] }\n')

onEachStore('what changed since a case was opened', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())
  beforeEach(() => world.edit('risk', String))

  const maker = () => `mem_${randomUUID()}`
  const read = async (id: string) => (await world.call('GET', `/v1/cases/${id}`, asOperator)).body
  const approve = (id: string, reviewer: string) => world.decide({ case: id, vote: 'approve', reviewer })
  /** On the facts that the reviewer saw when the case was opened. */
  const approveAsSeen = ({ case: id, caseVersion, snapshotHash }: OpenCase, reviewer: string) =>
    world.decide({ case: id, vote: 'approve', reviewer, caseVersion, snapshotHash })
  /** The case when its facts have changed, which they did once. */
  const changedOnce = async (opened: OpenCase) => {
    const changed = await eventually(async () => {
      const now = await read(opened.case)
      return now.caseVersion > 1 && now
    })
    assert.equal(changed.caseVersion, 2)
    return changed
  }

  test('policies that decide otherwise raise its version, void the votes and tell the desk', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    assert.equal((await approve(opened.case, 'rita')).status, 200)
    await world.edit('risk', withRule(REJECT_BOB))
    const changed = await changedOnce(opened)
    assert.deepEqual([changed.state, changed.approvals, changed.votes[0].void], ['open', 0, true])
    assert.deepEqual(changed.facts.since, [
      { what: 'policies', outcome: 'reject', rule: 'risk/no-bob', reasons: ['Bob is a fraud.'] },
    ])
    assert.notEqual(changed.snapshotHash, opened.snapshotHash)
    const last = changed.history.at(-1)
    assert.deepEqual([last.kind, last.detail.voided], ['changed', [{ reviewer: 'rita', vote: 'approve' }]])

    const stale = await approveAsSeen(opened, 'rolf')
    assert.deepEqual([stale.status, stale.body['code']], [409, 'case_changed'])
    assert.equal((stale.body['state'] as { caseVersion: number }).caseVersion, 2)

    await eventually(async () => (await world.inbox()).find(({ body }) => body.type === 'review.case.changed'))
    assert.equal((await approve(opened.case, 'rita')).body['approvals'], 1, 'who voted before may vote again')
    assert.equal((await approve(opened.case, 'rolf')).body['state'], 'approved')
  })

  test('a vote in the very moment after the edit is refused: it is of facts that are no more', async () => {
    for (const vote of ['approve', 'decline'] as const) {
      const opened = await world.openCase(maker())
      await world.edit('risk', withRule(REJECT_BOB))
      const voted = await world.decide({ case: opened.case, vote, reviewer: 'rita' })
      const isOfNewFacts = voted.status === 200 // the desk had heard of them by then
      assert.ok(isOfNewFacts || voted.body['code'] === 'case_changed', JSON.stringify(voted))
      assert.equal((await read(opened.case)).caseVersion, 2)
      await world.edit('risk', String)
    }
  })

  test('another credit line of the account that pays raises its version, and leaves other accounts’ cases alone', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    assert.equal((await approve(opened.case, 'rita')).status, 200)
    const creditLine = { currency: 'CNY', value: '0.00' }
    world.feed('credit_line.set', { account: 'acc_bob', creditLine, version: 1 }, world.clock.now())
    world.feed('credit_line.set', { account: 'acc_alice', creditLine, version: 2 }, world.clock.now())
    const changed = await changedOnce(opened)
    assert.deepEqual([changed.caseVersion, changed.approvals, changed.votes[0].void], [2, 0, true])
    assert.deepEqual(changed.facts.since, [{ what: 'credit_line', account: 'acc_alice', creditLine }])
    const stale = await approveAsSeen(opened, 'rolf')
    assert.deepEqual([stale.status, stale.body['code']], [409, 'case_changed'])
    assert.match(String(stale.body['detail']), /the credit line of acc_alice is 0\.00 CNY/)
    await eventually(async () => (await world.inbox()).find(({ body }) => body.type === 'review.case.changed'))
  })

  test('a leg’s account counts, too', async () => {
    const legs = [
      { from: 'acc_leg_one', to: 'acc_bob', amount: { currency: 'CNY', value: '50000.00' } },
      { from: 'acc_leg_two', to: 'acc_bob', amount: { currency: 'CNY', value: '10000.00' } },
    ]
    const opened = await world.openCase(maker(), '60000.00', { legs })
    const creditLine = { currency: 'CNY', value: '5.00' }
    for (const { from } of legs)
      world.feed('credit_line.set', { account: from, creditLine, version: 1 }, world.clock.now())
    await eventually(async () => (await read(opened.case)).caseVersion === 3)
  })

  test('so does another standing of the member who asked for it', async () => {
    const [member, other] = [maker(), maker()]
    const [opened, others] = [await world.openCase(member), await world.openCase(other)]
    const standing = { member, version: 2, status: 'frozen', level: 1, kind: 'person' }
    world.membershipTells('revocation.lifted', { id: 'rev_1' }, world.clock.now())
    world.membershipTells('standing.changed', standing, world.clock.now())
    const changed = await changedOnce(opened)
    assert.deepEqual(changed.facts.since, [{ what: 'standing', member, status: 'frozen', level: 1 }])
    assert.equal((await read(others.case)).caseVersion, 1)
    const stale = await approveAsSeen(opened, 'rita')
    assert.match(String(stale.body['detail']), new RegExp(`${member} is frozen, of level 1`))
  })

  test('policies that decide the same leave case and votes alone', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    await approve(opened.case, 'rita')
    await world.edit('risk', withRule(OTHER))
    assert.equal((await approve(opened.case, 'rolf')).body['state'], 'approved')
    assert.equal((await read(opened.case)).caseVersion, 1)
  })

  test('an operator who says what was seen does not approve what was not', async () => {
    const opened = await world.openCase(maker())
    const vote = (caseVersion: number) => {
      const body = { vote: 'approve', reason: '', caseVersion }
      return world.call('POST', `/v1/cases/${opened.case}/votes`, asOperator, { body })
    }
    assert.equal((await vote(2)).body.code, 'case_changed')
    assert.equal((await vote(1)).body.state, 'approved')
  })

  test('a reviewer who is suspended while a case is open has no vote, and has not voted', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    assert.equal((await approve(opened.case, 'rolf')).body['approvals'], 1)
    await world.edit('lists', SUSPENDED)
    const refused = await approve(opened.case, 'rolf')
    assert.equal(refused.body['code'], 'reviewer_not_allowed')
    assert.equal((await approve(opened.case, 'rita')).body['state'], 'open', 'one pair of eyes')
    assert.equal((await approve(opened.case, 'rosa')).body['state'], 'approved')
    const [, decided] = await world.events(opened.case)
    assert.deepEqual((decided?.data as { reviewers?: string[] } | undefined)?.reviewers, ['rita', 'rosa'])
  })

  test('nobody decides in time: approved below the limit of the policy, declined from it on', async () => {
    const limit = 'onTimeout: { approveBelow: { currency: CNY, value: "60000.00" } }'
    await world.edit('risk', (text) => text.replaceAll('onTimeout: decline', limit))
    const [below, at] = [await world.openCase(maker(), '59999.99'), await world.openCase(maker(), '60000.00')]
    world.clock.advance(DAY_MS)
    for (const [opened, state] of [[below, 'approved'] as const, [at, 'declined'] as const]) {
      await eventually(async () => (await read(opened.case)).state === state)
      const types = (await world.events(opened.case)).map(({ type }) => type)
      assert.deepEqual(types.at(-1), `review.${state}`)
    }
  })

  test('another version of the product that the account is under raises its version: its limits may be others', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    assert.deepEqual((await read(opened.case)).facts.terms, [TERMS])
    assert.equal((await approve(opened.case, 'rita')).status, 200)
    const told = (product: string, version: number) =>
      world.productTells('product.changed', { product, version }, world.clock.now())
    told('prd_other', 9)
    told('prd_basic', 3) // by which it was judged
    told('prd_basic', 4)
    const changed = await changedOnce(opened)
    assert.deepEqual([changed.approvals, changed.votes[0].void], [0, true])
    assert.deepEqual(changed.facts.since, [{ what: 'terms', product: 'prd_basic', version: 4 }])
    assert.deepEqual(changed.facts.terms, [{ product: 'prd_basic', version: 4 }])
    const stale = await approveAsSeen(opened, 'rolf')
    assert.deepEqual([stale.status, stale.body['code']], [409, 'case_changed'])
    assert.match(String(stale.body['detail']), /prd_basic has version 4/)

    const late = await world.openCase(maker(), '85000.00') // cash flow had not heard of it either
    assert.deepEqual((await changedOnce(late)).facts.since, changed.facts.since)
  })
})
