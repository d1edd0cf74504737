import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { money } from '../../../src/kernel/money.ts'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { onEachStore } from '../../support/stores.ts'
import { type Harness, type Posting, startHarness } from './harness.ts'

const RUNS = 12
const party = fc.constantFrom('a', 'b', 'c')
const postings = fc.record({
  kind: fc.constant('post' as const),
  sides: fc.array(fc.tuple(party, party, fc.bigInt({ min: 1n, max: 10n ** 17n })), { minLength: 1, maxLength: 5 }),
})
const closing = fc.record({ kind: fc.constant('close' as const), who: party, agoS: fc.integer({ min: 0, max: 90 }) })
const passing = fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 0, max: 60 }) })
const history = fc.array(fc.oneof(postings, closing, passing), { minLength: 3, maxLength: 25 })

onEachStore('any history of postings and closings', (store) => {
  let server: DatabaseServer
  let settlement: Harness
  let run = 0
  before(async () => {
    server = await store.open()
    settlement = await startHarness(server)
  })
  after(async () => {
    await settlement.close()
    await server.close()
  })

  test('puts every line into exactly one batch, and the totals are those of the lines', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        run += 1
        const member = (who: string) => `mem_${run}_${who}`
        const posted: Posting[] = []
        const underWay: PromiseLike<unknown>[] = []
        for (const step of steps) {
          if (step.kind === 'pass') settlement.clock.advance(step.seconds * 1000)
          if (step.kind === 'close') underWay.push(close(member(step.who), step.agoS).then())
          if (step.kind === 'post') {
            const made = step.sides.map(([from, to, minor]) => ({
              from: member(from),
              to: member(to),
              amount: money('CNY', minor),
              ...(minor % 2n === 0n ? {} : { fee: money('CNY', (minor % 7n) + 1n) }),
            }))
            posted.push(...made)
            await settlement.post(...made) // while closings are under way
          }
        }
        await Promise.all(underWay)
        settlement.clock.advance(1)
        for (const who of ['a', 'b', 'c']) await close(member(who), 0)
        for (const who of ['a', 'b', 'c']) await checkBooks(member(who), posted)
      }),
      { numRuns: RUNS },
    )
  })

  const close = (member: string, agoS: number) =>
    settlement.closeBatch(member, new Date(settlement.clock.now() - agoS * 1000).toISOString())

  async function checkBooks(member: string, posted: readonly Posting[]): Promise<void> {
    const [books] = await settlement.database.transaction((sql) =>
      sql.query<{ lines: bigint; gross_in: string; gross_out: string; fees: string }>(
        `SELECT sum(lines)::bigint AS lines, sum(gross_in)::text AS gross_in, sum(gross_out)::text AS gross_out,
           sum(fees)::text AS fees
         FROM settlement_batch WHERE member = $1`,
        [member],
      ),
    )
    const out = posted.filter(({ from }) => from === member)
    const into = posted.filter(({ to }) => to === member)
    const sum = (side: readonly Posting[]) => side.reduce((total, { amount }) => total + amount.minor, 0n)
    assert.equal(books?.lines, BigInt(out.length + into.length))
    assert.equal(BigInt(books?.gross_in ?? -1), sum(into))
    assert.equal(BigInt(books?.gross_out ?? -1), sum(out))
    assert.equal(
      BigInt(books?.fees ?? -1),
      out.reduce((total, { fee }) => total + (fee?.minor ?? 0n), 0n),
    )
    const [apart] = await settlement.database.transaction((sql) =>
      sql.query<{ batches: bigint }>(
        `SELECT count(*) AS batches FROM settlement_batch AS batch WHERE member = $1 AND
           (gross_in, gross_out, fees, lines) <> (
             SELECT coalesce(sum(amount) FILTER (WHERE direction = 'in'), 0),
               coalesce(sum(amount) FILTER (WHERE direction = 'out'), 0), coalesce(sum(fee), 0), count(*)
             FROM settlement_batch_line JOIN settlement_line USING (seq, direction) WHERE batch = batch.id)`,
        [member],
      ),
    )
    assert.equal(apart?.batches, 0n)
  }
})
