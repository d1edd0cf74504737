import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { derivedId } from '../../../src/kernel/id.ts'
import { transferIdOf } from '../../../src/kernel/operation-id.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type CashFlowUnderTest, cny, held, key, openCashFlow, rebuildOf } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

/** More of them take minutes, and find more. */
const HISTORIES = Number(process.env['TIDEGATE_TEST_HISTORIES'] ?? 6)

const amount = fc.integer({ min: 1, max: 70_000 }).map((minor) => cny((minor / 100).toFixed(2)))
/** Alice and Carol are in one shard, Bob is in another. */
const name = fc.constantFrom('alice', 'bob', 'carol')
/** Few keys, so that they come again: with the same request, with another, and for what comes after it. */
const slot = fc.nat(2)
/** Which of two processes: the twin's shards have a writer each, so that what goes between them crosses. */
const twin = fc.boolean()
const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('transfer' as const),
      ...{ from: name, to: name, amount, slot, twin },
      how: fc.constantFrom('now', 'now', 'pending', 'held', 'later'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('capture' as const), slot, twin, part: fc.option(amount) }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('void' as const, 'reverse' as const, 'decide' as const), slot, twin }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('deposit' as const, 'withdraw' as const),
      of: name,
      amount,
      slot,
      twin,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('fee' as const), fee: fc.constantFrom(null, '0.37', '5.00') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('confirm' as const, 'return' as const), slot, twin }) },
)
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never
/** A step: one command, several at once, all that was asked so far once more, or a time in which holds expire. */
const step = fc.oneof(
  { weight: 6, arbitrary: command.map((one) => ({ kind: 'at once' as const, commands: [one] })) },
  {
    weight: 4,
    arbitrary: fc
      .array(command, { minLength: 2, maxLength: 8, size: 'max' })
      .map((commands) => ({ kind: 'at once' as const, commands })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'again' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'expiry' as const }) },
)

type Request = {
  readonly path: string
  readonly body: object
  readonly more: Record<string, string>
  readonly isHeld: boolean
}

onEachStore('after every step of a history', (store) => {
  let under: CashFlowUnderTest
  let history = 0
  let asked = new Map<string, Request>()
  const counts = new Map<string, number>()
  const answers = new Map<string, string>()
  const refused = new Set<string>()
  before(async () => {
    under = await openCashFlow(await store.open())
  })
  after(() => under.close())

  const keyOf = (what: string, at: number) => `${history}-${what}-${at}`
  const count = (what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1)

  function requestOf(taken: Exclude<Command, { kind: 'decide' | 'fee' }>): Request & { key: string } {
    const [owner, reserved] = ['op_olga', keyOf('transfer', taken.slot)]
    const [transfer, withdrawal] = [
      transferIdOf(owner, reserved),
      derivedId('withdrawal', owner, keyOf('withdraw', taken.slot)),
    ]
    const plain = { key: keyOf(taken.kind, taken.slot), more: {}, isHeld: false }
    if (taken.kind === 'transfer') {
      const { from, to, how } = taken
      const body = { from: `acc_${from}`, to: `acc_${to}`, amount: taken.amount, reference: how }
      const more: Record<string, string> = how === 'later' ? { prefer: 'respond-async' } : {}
      const path = '/v1/transfers'
      return {
        ...plain,
        path,
        body: how === 'pending' ? { ...body, pending: true } : body,
        more,
        isHeld: how === 'held',
      }
    }
    if (taken.kind === 'deposit' || taken.kind === 'withdraw') {
      const body = { account: `acc_${taken.of}`, amount: taken.amount, reference: 'cash' }
      return { ...plain, path: taken.kind === 'deposit' ? '/v1/deposits' : '/v1/withdrawals', body }
    }
    if (taken.kind === 'confirm')
      return { ...plain, path: `/v1/withdrawals/${withdrawal}/confirm`, body: { reference: 'bank' } }
    if (taken.kind === 'return')
      return { ...plain, path: `/v1/withdrawals/${withdrawal}/return`, body: { reason: 'closed' } }
    const body = taken.kind === 'capture' && taken.part !== null ? { amount: taken.part } : {}
    return { ...plain, path: `/v1/transfers/${transfer}/${taken.kind}`, body }
  }

  async function take(taken: Command): Promise<void> {
    count(taken.kind)
    if (taken.kind === 'decide') {
      const type = taken.twin ? 'review.approved' : 'review.declined'
      return under.tell(type, transferIdOf('op_olga', keyOf('transfer', taken.slot)))
    }
    if (taken.kind === 'fee') return void under.setFee('prd_basic', taken.fee === null ? null : cny(taken.fee))
    const { key: name, ...request } = requestOf(taken)
    asked.set(`${name} ${JSON.stringify(request)}`, request)
    await send(name, request, taken.twin)
  }

  async function send(name: string, { path, body, more, isHeld }: Request, atTwin: boolean): Promise<void> {
    const claims = isHeld ? held(asOperator, 3_600_000) : asOperator
    const call = atTwin ? under.callTwin : under.call
    const {
      status,
      text,
      body: answer,
    } = await call('POST', path, claims, { body, headers: { ...key(name), ...more } })
    assert.ok([200, 201, 202, 404, 409, 422].includes(status), text)
    if (status === 404 || status === 409) return // had no effect, and may come again
    const request = `${name} ${path} ${JSON.stringify(body)}`
    assert.equal(`${status} ${text}`, answers.get(request) ?? `${status} ${text}`, 'I3: one key, one answer')
    answers.set(request, `${status} ${text}`)
    const isRefused = status === 422 && answer.code !== 'idempotency_key_reused'
    if (isRefused && path === '/v1/transfers') refused.add(transferIdOf('op_olga', name))
  }

  async function askAgain(): Promise<void> {
    count('again')
    await Promise.all([...asked].map(([name, request], at) => send(name.split(' ')[0] ?? '', request, at % 2 === 0)))
  }

  /** The time of every hold passes; a command that is accepted wakes who looks for what is due. */
  async function expire(): Promise<void> {
    count('expiry')
    under.clock.advance(73 * 3_600_000)
    const body = { from: 'acc_alice', to: 'acc_carol', amount: cny('0.01'), reference: 'wake' }
    const headers = { ...key(`${history}-wake-${under.clock.now()}`), prefer: 'respond-async' }
    await under.call('POST', '/v1/transfers', asOperator, { body, headers })
  }

  async function check(): Promise<void> {
    await untilQuiet(under)
    await assertSound(under.database) // I1 to I6, I8
    assert.deepEqual(
      (await rebuildOf(under)).differences,
      [],
      'I11, I12: what is there is what the chained journal tells',
    )
    const rows = await under.database.transaction((sql) =>
      sql.query('SELECT transfer FROM entry WHERE transfer = ANY($1)', [[...refused]]),
    )
    assert.deepEqual(rows, [], 'I8: what was refused never happens')
  }

  test('the ledger is sound, and what the journal tells', async (test) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 10, size: 'max' }), async (steps) => {
        history += 1
        asked = new Map()
        for (const taken of steps) {
          if (taken.kind === 'again') await askAgain()
          else if (taken.kind === 'expiry') await expire()
          else await Promise.all(taken.commands.map(take))
          await check()
        }
      }),
      { numRuns: HISTORIES, endOnFailure: true },
    )
    const kinds = [...counts].map(([kind, times]) => `${kind} ${times}`).join(', ')
    test.diagnostic(`${history} histories on ${store.name}, ${answers.size} answers: ${kinds}`)
  })
})

async function untilQuiet({ database, clock }: CashFlowUnderTest): Promise<void> {
  for (;;) {
    const [left] = await database.transaction((sql) =>
      sql.query<{ work: bigint }>(
        `SELECT (SELECT count(*) FROM accepted_command) + (SELECT count(*) FROM crossing) + (SELECT count(*) FROM decision)
           + (SELECT count(*) FROM hold_timer WHERE expires_at <= $1) AS work`,
        [new Date(clock.now()).toISOString()],
      ),
    )
    if (left?.work === 0n) return
    await sleep(5)
  }
}
