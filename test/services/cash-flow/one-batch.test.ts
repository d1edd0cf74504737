import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { money } from '../../../src/kernel/money.ts'
import { operationIdOf, transferIdOf } from '../../../src/kernel/operation-id.ts'
import { createOutbox } from '../../../src/platform/outbox.ts'
import { readTogether } from '../../../src/platform/read-together.ts'
import type { Settled } from '../../../src/services/cash-flow/batch.ts'
import { calendarIn } from '../../../src/services/cash-flow/calendar.ts'
import type { TransferCommand } from '../../../src/services/cash-flow/commands.ts'
import { createDirectory } from '../../../src/services/cash-flow/directory.ts'
import { createBatchStore } from '../../../src/services/cash-flow/store.ts'
import { createWriters, type Writers } from '../../../src/services/cash-flow/writers.ts'
import { onEachStore } from '../../support/stores.ts'
import { type CashFlowUnderTest, openCashFlow } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

const BATCHES = 25

/** A request under one of few keys; another variant under the same key is another request. */
const asked = fc.record({
  slot: fc.nat(3),
  variant: fc.nat(1),
  to: fc.constantFrom('acc_bob', 'acc_carol', 'acc_none'),
  minor: fc.constantFrom(1n, 250n, 900_000n),
})
type Asked = typeof asked extends fc.Arbitrary<infer A> ? A : never

onEachStore('within one batch', (store) => {
  let under: CashFlowUnderTest
  let writers: Writers
  let batch = 0
  let commands = 0
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false })
    const { database, clock } = under
    const outbox = createOutbox(database, clock)
    const { transaction } = outbox
    const [directory, kept] = [createDirectory(database), createBatchStore(outbox)]
    writers = createWriters({
      wished: 4,
      writers: 1,
      aheadMin: 1,
      transaction,
      reads: readTogether(database),
      store: kept,
      clock,
      directory,
      calendar: calendarIn('UTC'),
    })
    // From here on it is known where the account is: nobody waits for that while others go ahead.
    await writers.submit(commandOf({ slot: 0, variant: 0, to: 'acc_carol', minor: 1n }), 'ours')
  })
  after(() => under.close())

  test('each key is decided once: the same request has the same answer, another one is refused', async (test) => {
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { minLength: 2, maxLength: 20, size: 'max' }), async (requests) => {
        batch += 1
        commands += requests.length
        const before = await recordsOfAlice()
        const first = writers.submit(commandOf({ slot: -1, variant: 0, to: 'acc_carol', minor: 1n }), 'ours')
        const all = Promise.all(requests.map((request) => writers.submit(commandOf(request), 'ours')))
        await first // the others wait with it or meanwhile
        compare(requests, await all)
        assert.ok((await recordsOfAlice()) <= before + 2n, 'all at once, or the first alone and then the others')
        await assertSound(under.database)
      }),
      { numRuns: BATCHES, endOnFailure: true },
    )
    assert.ok(commands > 4 * BATCHES, `${commands} commands`)
    test.diagnostic(`${commands} commands in ${batch} batches on ${store.name}`)
  })

  async function recordsOfAlice(): Promise<bigint> {
    const rows = await under.database.transaction((sql) =>
      sql.query<{ seq: bigint }>('SELECT seq FROM shard JOIN account USING (shard) WHERE id = $1', ['acc_alice']),
    )
    return rows[0]?.seq ?? 0n
  }

  /** What each key was decided as, in the order of the requests. */
  function compare(requests: readonly Asked[], settled: readonly Settled[]): void {
    const decided = new Map<number, { readonly request: string; readonly answer: string }>()
    for (const [at, { slot, ...rest }] of requests.entries()) {
      const one = settled[at] as Settled
      const request = JSON.stringify({ ...rest, minor: String(rest.minor) })
      const known = decided.get(slot)
      if (known !== undefined && known.request !== request) assert.equal(one.kind, 'key_reused')
      else {
        assert.ok(one.kind === 'settled', 'one writer has nothing to cross')
        const answer = JSON.stringify(one.answered)
        assert.deepEqual([one.replayed, answer], [known !== undefined, known?.answer ?? answer])
        decided.set(slot, { request, answer })
      }
    }
  }

  function commandOf({ slot, variant, to, minor }: Asked): TransferCommand {
    const [owner, name] = ['mem_alice', `batch-${batch}-${slot}`]
    return {
      kind: 'transfer',
      run: 'now',
      request: { owner, key: name, digest: JSON.stringify([variant, to, String(minor)]) },
      by: { kind: 'member', id: owner },
      transfer: transferIdOf(owner, name),
      operation: operationIdOf(owner, name),
      from: 'acc_alice',
      to,
      amount: money('CNY', minor),
      reference: `variant ${variant}`,
      ...{ legs: [], terms: new Map(), pending: false, hold: null, assessment: null, receipt: null },
    }
  }
})
