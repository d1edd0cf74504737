import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Instant } from '../../../src/kernel/clock.ts'
import { asId } from '../../../src/kernel/id.ts'
import { money } from '../../../src/kernel/money.ts'
import { NO_MARKS } from '../../../src/policy/index.ts'
import { UNKNOWN } from '../../../src/policy/kept-risk-facts.ts'
import { caseFacts, type StoredFacts, snapshotHashOf } from '../../../src/services/risk/facts.ts'
import {
  approvalsOf,
  type Ballot,
  castVote,
  dueAtOf,
  holdMsOf,
  type ReviewCase,
  type VoteOutcome,
} from '../../../src/services/risk/model.ts'

const stored: StoredFacts = {
  marks: NO_MARKS,
  transfer: {
    from: 'acc_alice',
    to: 'acc_bob',
    amount: { currency: 'CNY', value: '60000.00' },
    reference: 'Rent of Mr Example',
  },
  member: { ...UNKNOWN.member, id: 'mem_alice' },
  device: UNKNOWN.device,
  session: UNKNOWN.session,
  source: { ip: '198.51.100.7', country: '' },
  provider: { status: 'ok', decision: 'Review', score: 60, hitRules: ['amount_high'], budget: '' },
  velocity: { ...UNKNOWN.velocity, amountLastDay: { currency: 'CNY', value: '0.00' } },
  now: '2026-01-01T00:00:00.000Z',
}
const decided = { rule: 'risk/provider-doubts', reasons: ['The fraud check asks for a decision.'] }
const facts = caseFacts(stored, decided)

const open = (needed: number): ReviewCase => ({
  id: asId('case', 'case_1'),
  version: 1,
  operation: 'op_1',
  transfer: 'trf_1',
  assessment: 'asm_1',
  maker: 'mem_alice',
  amount: money('CNY', 6_000_000n),
  facts,
  kind: 'held',
  receipt: null,
  caseVersion: 1,
  snapshotHash: snapshotHashOf(facts),
  checkedBundle: '',
  state: 'open',
  needed,
  queue: 'desk',
  priority: 'normal',
  assignment: null,
  openedAt: 0 as Instant,
  escalateAt: null,
  dueAt: 1_000 as Instant,
  onTimeout: 'decline',
  holdExpiresAt: 2_000 as Instant,
  closedAt: null,
  reason: null,
  votes: [],
})

/** Casts the ballots one after the other, as the store would. */
function castAll(review: ReviewCase, ballots: readonly (Ballot & { readonly at: number })[]) {
  let present = review
  const outcomes: VoteOutcome[] = []
  for (const { at, ...ballot } of ballots) {
    const outcome = castVote(present, ballot, at as Instant)
    outcomes.push(outcome)
    if (outcome.kind === 'counted')
      present = { ...present, state: outcome.state, votes: [...present.votes, outcome.vote] }
  }
  return { present, outcomes }
}

const ballots = fc.array(
  fc.record({
    reviewer: fc.constantFrom('rita', 'rolf', 'rosa', 'mem_alice'),
    vote: fc.constantFrom('approve' as const, 'approve' as const, 'decline' as const),
    reason: fc.constant(''),
    basis: fc.constantFrom(
      null,
      { caseVersion: 1, snapshotHash: open(1).snapshotHash },
      { caseVersion: 2, snapshotHash: '' },
    ),
    at: fc.integer({ min: 0, max: 1_100 }),
  }),
  { maxLength: 12 },
)

test('whatever is voted, a case is approved by enough different people who are not its maker, or not at all', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), ballots, (needed, cast) => {
      const { present, outcomes } = castAll(open(needed), cast)
      const reviewers = present.votes.map(({ reviewer }) => reviewer)
      assert.equal(new Set(reviewers).size, reviewers.length)
      assert.ok(!reviewers.includes('mem_alice'))
      assert.ok(present.votes.every(({ at }) => at < 1_000))
      const declines = present.votes.length - approvalsOf(present.votes)
      assert.ok(declines <= 1)
      const expected = declines === 1 ? 'declined' : present.votes.length >= needed ? 'approved' : 'open'
      assert.equal(present.state, expected)
      const closing = outcomes.filter((outcome) => outcome.kind === 'counted' && outcome.state !== 'open')
      assert.equal(closing.length, expected === 'open' ? 0 : 1, 'a case is closed by one vote')
    }),
    { numRuns: 1_000 },
  )
})

test('a case is due before its hold expires, whatever the policy says', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 86_400_000_000 }), fc.nat(), (heldAt, decideMs, shorter) => {
      const expiresAt = (heldAt + holdMsOf(decideMs)) as Instant
      assert.equal(dueAtOf(heldAt as Instant, decideMs, expiresAt), heldAt + decideMs)
      const earlier = (heldAt + (shorter % decideMs) + 1) as Instant
      assert.ok(dueAtOf(heldAt as Instant, decideMs, earlier) < earlier)
    }),
  )
})

test('what leaves for the desk does not tell an address or a reference in full', () => {
  const shown = (ip: string, reference: string) => {
    const masked = caseFacts(
      { ...stored, source: { ip, country: '' }, transfer: { ...stored.transfer, reference } },
      decided,
    )
    return [masked.ip, masked.reference]
  }
  assert.deepEqual(shown('198.51.100.7', 'Rent of Mr Example'), ['198.51.100.x', 'Rent…'])
  assert.deepEqual(shown('2001:db8:1:2::7', '你好世界你好'), ['2001:db8:1:x', '你好世…'])
  assert.deepEqual(shown('::ffff:198.51.100.7', '😀😀😀😀😀'), ['198.51.100.x', '😀😀…'])
  assert.deepEqual(shown('no address', ''), ['x', '…'])
  assert.deepEqual(shown('::1', 'rent'), ['0:0:0:x', 're…'])
})

test('other facts have another hash', () => {
  const other = caseFacts({ ...stored, member: { ...stored.member, id: 'mem_bob' } }, decided)
  assert.notEqual(snapshotHashOf(other), snapshotHashOf(facts))
  assert.equal(snapshotHashOf(caseFacts({ ...stored }, { ...decided })), snapshotHashOf(facts))
})
