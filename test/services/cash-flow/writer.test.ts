import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../../src/kernel/clock.ts'
import { money } from '../../../src/kernel/money.ts'
import { operationIdOf, transferIdOf } from '../../../src/kernel/operation-id.ts'
import type { Database, DatabaseServer, Sql } from '../../../src/platform/database.ts'
import { createOutbox } from '../../../src/platform/outbox.ts'
import { readTogether } from '../../../src/platform/read-together.ts'
import type { Batch, BatchStore } from '../../../src/services/cash-flow/append.ts'
import type { Settled } from '../../../src/services/cash-flow/batch.ts'
import { calendarIn } from '../../../src/services/cash-flow/calendar.ts'
import type { TransferCommand } from '../../../src/services/cash-flow/commands.ts'
import { createDirectory } from '../../../src/services/cash-flow/directory.ts'
import { cashFlowMigrations } from '../../../src/services/cash-flow/index.ts'
import { createService, type Service } from '../../../src/services/cash-flow/service.ts'
import { createBatchStore } from '../../../src/services/cash-flow/store.ts'
import { createWriters, type Writers } from '../../../src/services/cash-flow/writers.ts'
import { saidStandings } from '../../support/standings.ts'
import { onEachStore } from '../../support/stores.ts'
import { assertSound } from './invariants.ts'

type Gate = { readonly batch: Batch; readonly open: () => void; readonly fail: (error: Error) => void }

/** Alice and Bob are in different shards of the one writer; each batch waits at a gate before it is kept. */
onEachStore('what is decided on a batch that is not kept yet', (store) => {
  let server: DatabaseServer
  let database: Database
  let writers: Writers
  let service: Service
  const gates: Gate[] = []
  let gated = false
  let came = Promise.withResolvers<void>()
  /** What the writer has read, as SQL. */
  const asked: string[] = []
  const heard = (inner: Sql): Sql => ({
    query(text, values) {
      asked.push(text)
      return inner.query(text, values)
    },
  })
  before(async () => {
    server = await store.open()
    database = await server.open('cash-flow', cashFlowMigrations)
    const outbox = createOutbox(database, systemClock)
    const directory = createDirectory(database)
    const { transaction } = outbox
    const kept = waitingAtGates(createBatchStore(outbox))
    writers = createWriters({
      ...{
        wished: 4,
        writers: 1,
        transaction,
        clock: systemClock,
        directory,
        calendar: calendarIn('UTC'),
        aheadMin: 1,
      },
      ...{ reads: heard(readTogether(database)), store: kept },
    })
    const references = {
      members: { exists: async () => true },
      products: { find: async () => null },
      standings: saidStandings(),
    }
    const terms = { termsOf: async () => new Map() }
    service = createService({ transaction, clock: systemClock, references, terms, writers, store: kept })
    for (const [name, minor] of Object.entries({ alice: 1_000n, bob: 1n })) {
      const account = { id: `acc_${name}`, member: `mem_${name}`, product: 'prd_basic', currency: 'CNY' } as const
      await service.seedAccount(account, money('CNY', minor))
    }
    gated = true
  })
  after(async () => {
    await service.close()
    await server.close()
  })

  function waitingAtGates(inner: BatchStore): BatchStore {
    return {
      ...inner,
      ready(batch) {
        const append = inner.ready(batch)
        return async () => {
          if (gated) {
            const gate = Promise.withResolvers<void>()
            gates.push({ batch, open: gate.resolve, fail: gate.reject })
            came.resolve()
            await gate.promise
          }
          return append()
        }
      },
    }
  }

  const nextGate = async (): Promise<Gate> => {
    while (gates.length === 0) {
      await came.promise
      came = Promise.withResolvers()
    }
    return gates.shift() as Gate
  }

  const commandOf = (from: 'alice' | 'bob', minor: bigint, key: string): TransferCommand => {
    const [owner, to] = [`mem_${from}`, from === 'alice' ? 'acc_bob' : 'acc_alice']
    return {
      ...{ kind: 'transfer', run: 'now', request: { owner, key, digest: key }, by: { kind: 'member', id: owner } },
      ...{ transfer: transferIdOf(owner, key), operation: operationIdOf(owner, key), from: `acc_${from}`, to },
      ...{
        amount: money('CNY', minor),
        legs: [],
        terms: new Map(),
        reference: 'rent',
        pending: false,
        hold: null,
        assessment: null,
        receipt: null,
      },
    }
  }
  const pay = (from: 'alice' | 'bob', minor: bigint, key: string): Promise<Settled> =>
    writers.submit(commandOf(from, minor, key), 'ours')
  const statusOf = (settled: Settled): unknown => {
    assert.equal(settled.kind, 'settled')
    const { answered } = settled as Extract<Settled, { kind: 'settled' }>
    return answered.kind === 'answer' ? answered.status : answered.code
  }
  const posted = async (): Promise<bigint[]> => {
    const rows = await database.transaction((sql) =>
      sql.query<{ posted: bigint }>(
        `SELECT posted FROM balance WHERE account IN ('acc_alice', 'acc_bob') ORDER BY account`,
      ),
    )
    return rows.map((row) => row.posted)
  }

  test('is sent, and answered, only when that one is kept, and counts its money', async () => {
    const first = pay('alice', 600n, 'first')
    const gate = await nextGate()
    let answered = false
    const second = pay('bob', 601n, 'second').finally(() => {
      answered = true
    })
    const again = pay('alice', 600n, 'first')
    await new Promise((done) => setTimeout(done, 50))
    assert.deepEqual([gates.length, answered], [0, false], 'nothing goes ahead of what it was decided on')
    gate.open()
    assert.equal(statusOf(await first), 201)
    const behind = await nextGate()
    assert.deepEqual(
      behind.batch.records.map(({ previous, shard }) => [shard, previous]),
      gate.batch.records.map(({ hash, shard }) => [shard, hash]),
      'its records go on behind those',
    )
    behind.open()
    assert.equal(statusOf(await second), 201)
    const replayed = await again
    assert.deepEqual([statusOf(replayed), replayed.kind === 'settled' && replayed.replayed], [201, true])
    assert.deepEqual(await posted(), [1_001n, 0n])
    await assertSound(database)
  })

  test('is on its way before anyone of that one is answered', async () => {
    const happened: string[] = []
    const first = pay('bob', 1n, 'answered-late').then(() => happened.push('the first is answered'))
    const gate = await nextGate()
    const second = pay('alice', 1n, 'sent-soon')
    await new Promise((done) => setTimeout(done, 50))
    gate.open()
    const behind = await nextGate()
    happened.push('the second is sent')
    await first
    behind.open()
    await second
    assert.deepEqual(happened, ['the second is sent', 'the first is answered'])
  })

  test('is void when that one fails: decided anew, without its money', async () => {
    const first = pay('alice', 900n, 'fails')
    const gate = await nextGate()
    const second = pay('bob', 900n, 'on-nothing')
    await new Promise((done) => setTimeout(done, 50))
    gate.fail(new Error('the store is away'))
    await assert.rejects(first, /the store is away/)
    const refusal = await nextGate() // a refusal is kept for its key, too
    assert.equal(refusal.batch.facts.has('entry'), false)
    refusal.open()
    assert.equal(statusOf(await second), 'insufficient_funds')
    await assertSound(database)
  })

  test('is void when the shard was taken meanwhile: both are decided anew', async () => {
    const [before] = await posted()
    const first = pay('alice', 10n, 'overtaken')
    const gate = await nextGate()
    const second = pay('alice', 5n, 'behind')
    await new Promise((done) => setTimeout(done, 50))
    await database.transaction((sql) => sql.query('UPDATE shard SET epoch = epoch + 1'))
    gated = false
    gate.open()
    assert.deepEqual([statusOf(await first), statusOf(await second)], [201, 201])
    gated = true
    const [after] = await posted()
    assert.equal((after ?? 0n) - (before ?? 0n), -15n)
    await assertSound(database)
  })

  test('is kept after a collision, however often its shard was taken before', async () => {
    const settled = pay('alice', 1n, 'contended')
    for (let taken = 0; taken < 8; taken++) {
      const gate = await nextGate()
      await database.transaction((sql) => sql.query('UPDATE shard SET epoch = epoch + 1'))
      gate.open()
    }
    const collided = await nextGate()
    collided.fail(Object.assign(new Error('deadlock detected'), { code: '40P01' }))
    const gate = await nextGate()
    gate.open()
    assert.equal(statusOf(await settled), 201)
    await assertSound(database)
  })

  test('whatever was asked before has its first answer, and only what was not moves money', async () => {
    gated = false
    const balances = await posted()
    const [all = 0n] = balances
    assert.equal(statusOf(await pay('alice', all, 'everything')), 201)
    assert.equal(statusOf(await pay('alice', 1n, 'too-much')), 'insufficient_funds')
    const isReplayed = (settled: Settled) => settled.kind === 'settled' && settled.replayed
    const made = await pay('alice', all, 'everything')
    assert.deepEqual([statusOf(made), isReplayed(made)], [201, true], 'though alice could not pay it now')
    assert.equal(statusOf(await pay('bob', all, 'back')), 201)
    const together = await Promise.all([
      pay('alice', 1n, 'too-much'),
      pay('alice', all, 'everything'),
      pay('bob', 1n, 'new'),
    ])
    assert.deepEqual(together.map(isReplayed), [true, true, false])
    assert.deepEqual(together.map(statusOf), ['insufficient_funds', 201, 201])
    gated = true
    assert.deepEqual(await posted(), [all + 1n, (balances[1] ?? 0n) - 1n])
    await assertSound(database)
  })

  test('what is asked again is found where there is nothing to keep', async () => {
    gated = false
    assert.equal(statusOf(await pay('alice', 1n, 'known')), 201)
    for (let asked = 0; asked < 20; asked++) await pay('alice', 1n, `new-${asked}`) // presumed again
    const command = commandOf('alice', 1n, 'known')
    const settled = await writers.submit({ ...command, terms: 'unknown' }, 'ours')
    assert.equal(statusOf(settled), 201)
    gated = true
    await assertSound(database)
  })

  test('nothing is read before a batch of transfers whose balances are known, until one was made before', async () => {
    gated = false
    for (let nth = 0; nth < 20; nth++) await pay('alice', 1n, `reads-${nth}`)
    asked.length = 0
    assert.equal(statusOf(await pay('alice', 1n, 'remembers')), 201)
    assert.deepEqual(asked, [])
    assert.equal(statusOf(await pay('alice', 1n, 'remembers')), 201)
    assert.ok(asked.length > 0)
    asked.length = 0
    assert.equal(statusOf(await pay('alice', 1n, 'looked-up')), 201)
    assert.ok(asked.length > 0, 'others may come again as well')
    assert.deepEqual(
      asked.filter((text) => /\bbalance\b/.test(text)),
      [],
    )
    gated = true
    await assertSound(database)
  })
})
