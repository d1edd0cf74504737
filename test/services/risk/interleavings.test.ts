import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { eventually, type OpenCase, startWorld, type World } from './world.ts'

const RUNS = 20
const DAY_MS = 24 * 3_600_000
const REJECT_BOB = `  - { id: no-bob, when: "transfer.to == 'acc_bob'", effect: reject }\n`

/** What may happen to a case, in any order and at once. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant('vote' as const),
    reviewer: fc.constantFrom('rita', 'rolf', 'rosa'),
    vote: fc.constantFrom('approve' as const, 'approve' as const, 'decline' as const),
  }),
  fc.record({ kind: fc.constant('again' as const), reviewer: fc.constantFrom('rita', 'rolf') }),
  fc.record({ kind: fc.constantFrom('assign', 'note', 'edit', 'undo', 'due', 'voided', 'posted') }),
)
/** Steps of one group are begun together. */
const groups = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 })
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

onEachStore('a case under any interleaving', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  const read = async (id: string) => (await world.call('GET', `/v1/cases/${id}`, asOperator)).body

  async function take(opened: OpenCase, does: Step): Promise<void> {
    const path = `/v1/cases/${opened.case}`
    switch (does.kind) {
      case 'vote': {
        const { reviewer, vote } = does
        await world.decide({ case: opened.case, vote, reviewer })
        return
      }
      case 'again': // one decision twice, byte for byte the same nonce
        for (let n = 0; n < 2; n++) {
          const nonce = `${opened.case}-${does.reviewer}`
          await world.decide({ case: opened.case, vote: 'approve', reviewer: does.reviewer, nonce })
        }
        return
      case 'assign':
        await world.call('POST', `${path}/assignment`, asOperator, { body: { reviewer: 'rita' } })
        return
      case 'note':
        await world.call('POST', `${path}/notes`, asOperator, { body: { text: 'looked' } })
        return
      case 'edit':
        return world.edit('risk', (text) => text.replace('rules:\n', `rules:\n${REJECT_BOB}`))
      case 'undo':
        return world.edit('risk', String)
      case 'due':
        return world.clock.advance(DAY_MS)
      default:
        world.feed(`transfer.${does.kind}`, { transfer: opened.transfer, reason: null }, world.clock.now())
    }
  }

  test('has one end, says it once, and every change has its place in the history', async () => {
    await fc.assert(
      fc.asyncProperty(groups, fc.boolean(), async (all, needsTwo) => {
        await world.edit('risk', String)
        const opened = await world.openCase(`mem_${randomUUID()}`, needsTwo ? '85000.00' : '60000.00')
        let version = 0
        for (const group of all) {
          await Promise.all(group.map((does) => take(opened, does)))
          const now = await read(opened.case)
          assert.ok(now.version >= version, 'versions only rise')
          version = now.version
        }
        world.clock.advance(DAY_MS) // whatever happened, its time is over now
        const found = await eventually(async () => {
          const now = await read(opened.case)
          return now.state !== 'open' && now
        })
        const ends = (await world.events(opened.case)).filter(({ type }) => type.startsWith('review.'))
        const said = ends.map(({ type }) => type)
        assert.deepEqual(said, found.state === 'withdrawn' ? [] : [`review.${found.state}`])

        const valid = found.votes.filter((vote: { void: boolean }) => !vote.void)
        const reviewers = valid.map(({ reviewer }: { reviewer: string }) => reviewer)
        assert.equal(new Set(reviewers).size, reviewers.length, 'nobody votes twice on the same facts')
        assert.ok(!reviewers.includes(found.maker))
        const approvals = valid.filter(({ vote }: { vote: string }) => vote === 'approve').length
        if (found.state === 'approved') assert.ok(approvals >= found.needed, 'four eyes')
        const numbers = found.history.map(({ n }: { n: number }) => n)
        assert.deepEqual(
          numbers,
          numbers.map((_: number, index: number) => index + 1),
        )
        const kinds = found.history.map(({ kind }: { kind: string }) => kind)
        assert.equal(kinds.filter((kind: string) => kind === 'closed').length, 1)
        assert.equal(kinds.filter((kind: string) => kind === 'changed').length, found.caseVersion - 1)
        const late = await world.decide({ case: opened.case, vote: 'approve', reviewer: 'late' })
        assert.equal(late.body['code'], 'case_closed')
      }),
      { numRuns: RUNS },
    )
  })
})
