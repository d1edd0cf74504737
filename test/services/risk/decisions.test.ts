import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { canonicalJson, type Json, sha256 } from '../../../src/kernel/canonical-json.ts'
import type { Instant } from '../../../src/kernel/clock.ts'
import { type SigningKey, signWebhook } from '../../../src/platform/standard-webhooks.ts'
import { asAnonymous, asMember, asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type OpenCase, startWorld, type World } from './world.ts'

onEachStore('decisions of the desk', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  const maker = () => `mem_${randomUUID()}`
  const types = async (id: string) => (await world.events(id)).map(({ type }) => type)
  const decisionOn = (opened: OpenCase, more: Record<string, unknown> = {}) =>
    JSON.stringify({
      case: opened.case,
      caseVersion: opened.caseVersion,
      snapshotHash: opened.snapshotHash,
      nonce: randomUUID(),
      vote: 'approve',
      reviewer: 'rita',
      reason: 'known customer',
      ...more,
    })
  const signed = (body: string, key: SigningKey = { scheme: 'v1a', privateKey: world.privateKey }, at = world.clock) =>
    world.callback(body, { ...signWebhook([key], at, randomUUID(), body) })

  test('a held transfer arrives at the desk, signed and masked', async () => {
    const by = maker()
    const opened = await world.openCase(by)
    assert.equal(opened.type, 'review.case.opened')
    assert.equal(opened.caseVersion, 1)
    assert.equal(opened.snapshotHash, `sha256:${sha256(canonicalJson(opened.facts as Json))}`)
    assert.equal(Date.parse(opened.dueAt), world.clock.now() + 24 * 3_600_000)
    assert.match(opened.callback, /\/v1\/reviews\/decisions$/)
    assert.equal(opened.facts.maker, by)
    assert.equal(opened.facts['ip'], '198.51.100.x')
    const [item] = (await world.inbox()).filter(({ body }) => body.case === opened.case)
    assert.match(item?.headers['webhook-signature'] ?? '', /^v1,/)
    assert.deepEqual(await types(opened.case), ['case.opened'])
  })

  test('one approval below the band approves, and cash flow is told once', async () => {
    const opened = await world.openCase(maker())
    const answer = await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita' })
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.body, { case: opened.case, state: 'approved', approvals: 1, needed: 1, vote: 'approve' })
    const [, approved, ...rest] = await world.events(opened.case)
    assert.deepEqual(rest, [])
    assert.equal(approved?.type, 'review.approved')
    const { operation, transfer } = opened
    const reason = 'looked at it'
    assert.deepEqual(approved?.data, { case: opened.case, operation, transfer, reviewers: ['rita'], reason })
  })

  test('from the band on it takes two different people', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    const first = await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita' })
    assert.deepEqual([first.body['state'], first.body['approvals'], first.body['needed']], ['open', 1, 2])
    const again = await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita' })
    assert.equal(again.status, 403)
    assert.equal(again.body['code'], 'reviewer_not_allowed')
    assert.deepEqual(await types(opened.case), ['case.opened'])
    const second = await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rolf' })
    assert.deepEqual([second.body['state'], second.body['approvals']], ['approved', 2])
    assert.deepEqual(await types(opened.case), ['case.opened', 'review.approved'])
  })

  test('one decline is final, whatever was approved before', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita' })
    const declined = await world.decide({ case: opened.case, vote: 'decline', reviewer: 'rolf' })
    assert.equal(declined.body['state'], 'declined')
    const late = await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rosa' })
    assert.equal(late.status, 409)
    assert.equal(late.body['code'], 'case_closed')
    assert.equal((late.body['state'] as { state: string }).state, 'declined')
    assert.deepEqual(await types(opened.case), ['case.opened', 'review.declined'])
  })

  test('the maker may not decide', async () => {
    const by = maker()
    const opened = await world.openCase(by)
    const answer = await world.decide({ case: opened.case, vote: 'approve', reviewer: by })
    assert.equal(answer.status, 403)
    assert.equal(answer.body['code'], 'reviewer_not_allowed')
    assert.deepEqual(await types(opened.case), ['case.opened'])
  })

  test('a known nonce with the same body gets the same answer, with another body 409', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    const nonce = randomUUID()
    const body = decisionOn(opened, { nonce })
    const first = await signed(body)
    await signed(decisionOn(opened, { reviewer: 'rolf' }))
    const again = await signed(body)
    assert.equal(first.status, 200)
    const same = JSON.stringify(first) // byte for byte, though the case has been closed since
    assert.equal(JSON.stringify(again), same)
    const other = await signed(decisionOn(opened, { nonce, reviewer: 'rosa' }))
    assert.equal(other.status, 409)
    assert.equal(other.body['code'], 'nonce_reused')
    assert.deepEqual(await types(opened.case), ['case.opened', 'review.approved'])
  })

  test('a refused decision is refused again in the same words', async () => {
    const by = maker()
    const opened = await world.openCase(by)
    const body = decisionOn(opened, { reviewer: by })
    const [first, again] = [await signed(body), await signed(body)]
    assert.equal(first.status, 403)
    assert.deepEqual({ ...again.body, receipt: '' }, { ...first.body, receipt: '' })
  })

  test('decisions on other facts are refused with the present ones', async () => {
    const opened = await world.openCase(maker())
    for (const wrong of [{ caseVersion: 2 }, { snapshotHash: `sha256:${'0'.repeat(64)}` }]) {
      const answer = await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita', ...wrong })
      assert.equal(answer.status, 409)
      assert.equal(answer.body['code'], 'case_changed')
      const { caseVersion, snapshotHash } = opened
      assert.deepEqual(answer.body['state'], { case: opened.case, state: 'open', caseVersion, snapshotHash })
    }
    assert.deepEqual(await types(opened.case), ['case.opened'])
  })

  test('an unknown case is 404', async () => {
    const opened = await world.openCase(maker())
    const answer = await signed(decisionOn(opened, { case: 'case_none' }))
    assert.equal(answer.status, 404)
    assert.equal(answer.body['code'], 'not_found')
  })

  test('unsigned, stale, future, altered, wrongly keyed and v1-signed decisions are 401 and change nothing', async () => {
    const opened = await world.openCase(maker())
    const body = decisionOn(opened)
    const at = (seconds: number) => ({ ...world.clock, now: () => (world.clock.now() + seconds * 1000) as Instant })
    const ours: SigningKey = { scheme: 'v1a', privateKey: world.privateKey }
    const other: SigningKey = { scheme: 'v1a', privateKey: generateKeyPairSync('ed25519').privateKey }
    const headers = { ...signWebhook([ours], world.clock, 'id', body) }
    const answers = [
      await world.callback(body, {}),
      await signed(body, ours, at(-302)),
      await signed(body, ours, at(302)),
      await world.callback(body.replace('approve', 'decline'), headers),
      await world.callback(body, { ...headers, 'webhook-id': 'another' }),
      await signed(body, other),
      await signed(body, { scheme: 'v1', secret: world.secret }),
    ]
    for (const [index, { status, body: problem }] of answers.entries()) {
      assert.equal(status, 401, `attempt ${index}`)
      assert.equal(problem['code'], 'invalid_signature')
    }
    assert.deepEqual(await types(opened.case), ['case.opened'])
    assert.equal((await signed(body)).status, 200, 'rightly signed, the same decision counts')
  })

  test('the signature is looked at before the shape', async () => {
    assert.equal((await world.callback('{"nonsense":', {})).status, 401)
    const opened = await world.openCase(maker())
    const bad = [
      ['{"nonsense":', 'invalid_json'],
      ['{"case":"a","case":"b"}', 'invalid_json'],
      [decisionOn(opened, { extra: 1 }), 'validation_failed'],
      [decisionOn(opened, { vote: 'maybe' }), 'validation_failed'],
      [decisionOn(opened, { reviewer: '' }), 'validation_failed'],
      [decisionOn(opened, { reviewer: 'r'.repeat(65) }), 'validation_failed'],
      [decisionOn(opened, { reason: 'a\u0000b' }), 'validation_failed'],
    ] as const
    for (const [body, code] of bad) {
      const answer = await signed(body)
      assert.equal(answer.status, 400, body)
      assert.equal(answer.body['code'], code)
    }
  })

  test('two approvals at once of the last place: one is counted, the other comes too late', async () => {
    for (let round = 0; round < 5; round++) {
      const opened = await world.openCase(maker())
      const votes = ['rita', 'rolf'].map((reviewer) => signed(decisionOn(opened, { reviewer })))
      const statuses = (await Promise.all(votes)).map(({ status }) => status).sort()
      assert.deepEqual(statuses, [200, 409])
      assert.deepEqual(await types(opened.case), ['case.opened', 'review.approved'])
    }
  })

  test('approve against decline at once: one final state, one event, both answers agree with it', async () => {
    for (let round = 0; round < 5; round++) {
      const opened = await world.openCase(maker())
      const approve = signed(decisionOn(opened, { reviewer: 'rita' }))
      const decline = signed(decisionOn(opened, { reviewer: 'rolf', vote: 'decline' }))
      const [approved, declined] = await Promise.all([approve, decline])
      const state = approved.status === 200 ? 'approved' : 'declined'
      assert.deepEqual([approved.status, declined.status], state === 'approved' ? [200, 409] : [409, 200])
      assert.deepEqual(await types(opened.case), ['case.opened', `review.${state}`])
    }
  })

  test('one decision ten times at once is one vote with ten equal answers', async () => {
    const opened = await world.openCase(maker(), '85000.00')
    const body = decisionOn(opened)
    const answers = await Promise.all(Array.from({ length: 10 }, () => signed(body)))
    for (const answer of answers) assert.deepEqual(answer, answers[0])
    assert.equal(answers[0]?.body['approvals'], 1)
  })

  test('one nonce on two cases at once decides one of them', async () => {
    const [one, two] = [await world.openCase(maker()), await world.openCase(maker())]
    const nonce = randomUUID()
    const answers = await Promise.all([one, two].map((opened) => signed(decisionOn(opened, { nonce }))))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409])
    assert.equal([...(await types(one.case)), ...(await types(two.case))].length, 3)
  })

  test('the callback takes no token holders, only the signature', async () => {
    for (const claims of [asMember('mem_alice'), asOperator]) {
      const answer = await world.call('POST', '/v1/reviews/decisions', claims, { body: {} })
      assert.equal(answer.status, 404)
    }
    const unsigned = await world.call('POST', '/v1/reviews/decisions', asAnonymous, { body: {} })
    assert.equal(unsigned.status, 401)
    assert.equal(unsigned.body.code, 'invalid_signature')
  })
})
