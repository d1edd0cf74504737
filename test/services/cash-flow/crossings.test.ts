import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../src/kernel/clock.ts'
import { transferIdOf } from '../../../src/kernel/operation-id.ts'
import type { Database } from '../../../src/platform/database.ts'
import { createDoor } from '../../../src/platform/door.ts'
import { createLog } from '../../../src/platform/log.ts'
import { type CashFlowDeps, createCashFlow } from '../../../src/services/cash-flow/index.ts'
import { asOperator, createCaller } from '../../support/caller.ts'
import { saidStandings } from '../../support/standings.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, fromAlice, key, openCashFlow } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

/** Alice and Carol are in one shard, Bob is in another. */
onEachStore('money from one shard to another', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open(), { writers: 4 })
    under.clock.advance(1) // the background takes what was left before it began, and looks at any moment
  })
  after(() => under.close())

  const rows = <R extends Record<string, unknown>>(statement: string, values: readonly string[] = []) =>
    under.database.transaction((sql) => sql.query<R>(statement, values))

  test('is reserved, arrives and is posted, and nothing is left between the shards', async () => {
    const made = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('7.00'), headers: key('across') })
    assert.deepEqual([made.status, made.body.state], [201, 'posted'])
    const entries = await rows(
      `SELECT account, phase, direction, amount FROM entry WHERE transfer = $1 ORDER BY phase DESC, direction, account DESC`,
      [made.body.id],
    )
    const [mine, theirs] = ['acc_between_cny_1', 'acc_between_cny_3']
    assert.deepEqual(
      entries.map(({ account, phase, direction, amount }) => `${phase} ${direction} ${account} ${amount}`),
      [
        'reserve debit acc_alice 700',
        ...[`post credit ${mine} 700`, 'post credit acc_bob 700'].sort((a, b) => (a < b ? 1 : -1)),
        ...['post debit acc_alice 700', `post debit ${theirs} 700`].sort((a, b) => (a < b ? 1 : -1)),
      ],
    )
    await assertSound(under.database)
  })

  test('an overtaken writer commits nothing, and takes its shard back', async () => {
    await under.call('POST', '/v1/transfers', alice, { body: fromAlice('1.00'), headers: key('before') })
    await rows('UPDATE shard SET epoch = epoch + 5 WHERE shard = 1')
    const made = await under.call('POST', '/v1/transfers', alice, {
      body: fromAlice('1.00'),
      headers: key('overtaken'),
    })
    assert.equal(made.status, 201)
    const [last] = await rows<{ epoch: bigint }>('SELECT epoch FROM journal WHERE shard = 1 ORDER BY seq DESC LIMIT 1')
    const [shard] = await rows<{ epoch: bigint }>('SELECT epoch FROM shard WHERE shard = 1')
    assert.equal(last?.epoch, shard?.epoch, 'under an epoch of its own')
    await assertSound(under.database)
  })

  test('a clock that is set back takes no version with it', async () => {
    under.clock.advance(-3_600_000)
    const made = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('1.00'), headers: key('earlier') })
    assert.equal(made.status, 201)
    under.clock.advance(3_600_000)
    await assertSound(under.database)
  })

  test("a reader of an account's time looks into one month and shard only", async () => {
    const [from, to] = ['2026-03-01T00:00:00Z', '2026-03-31T00:00:00Z']
    const plan = await rows<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT * FROM entry WHERE shard = 1 AND account = 'acc_alice' AND recorded_at >= '${from}' AND recorded_at < '${to}'`,
    )
    const scanned = new Set(plan.flatMap((line) => line['QUERY PLAN'].match(/entry_\d{4}_\d{2}_\d/g) ?? []))
    assert.deepEqual([...scanned], ['entry_2026_03_1'])
  })

  /** After the commit of each step, and within it. */
  const steps = { reserved: 'INSERT INTO crossing', arrived: 'INSERT INTO arrival', posted: 'DELETE FROM crossing' }
  for (const [step, statement] of Object.entries(steps)) {
    for (const when of ['before', 'after'] as const) {
      test(`a process that dies ${when} it is ${step} leaves it to whoever asks next, and it moves once`, async () => {
        const name = `${step}-${when}`
        const before = await balances()
        const answer = await transferBy(dyingDatabase(under.database, statement, when), name)
        assert.ok(answer.status >= 500, 'nobody was told that it was done')
        const half = await balances()
        assert.ok(spendable(half) <= spendable(before), 'at no moment both can spend it')
        const again = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('2.00'), headers: key(name) })
        assert.equal(again.status, 201, JSON.stringify(again.body))
        const after = await balances()
        assert.deepEqual([after[0] - before[0], after[1] - before[1]], [-2, 2])
        assert.equal(again.body.id, transferIdOf('mem_alice', name))
        await assertSound(under.database)
      })
    }
  }

  test('who began it has the first answer, though another process took it to its end', async () => {
    const others: Awaited<ReturnType<typeof transferBy>>[] = []
    const atOnce: Database['atOnce'] = async (statements) => {
      const rows = await under.database.atOnce(statements)
      const isReserved = statements.some(({ text }) => text.includes(steps.reserved))
      if (isReserved) others.push(await transferBy(under.database, 'taken-over'))
      return rows
    }
    const first = await transferBy({ ...under.database, atOnce }, 'taken-over')
    assert.deepEqual([first.status, first.headers['idempotency-replayed']], [201, undefined], first.text)
    const told = others.map(({ body, headers }) => [body, headers['idempotency-replayed']])
    assert.deepEqual(told, [[first.body, 'true']])
    await assertSound(under.database)
  })

  test('who asks again without waiting for it takes it to its end, too', async () => {
    const answer = await transferBy(dyingDatabase(under.database, steps.reserved, 'after'), 'then-async')
    assert.ok(answer.status >= 500)
    const headers = { ...key('then-async'), prefer: 'respond-async' }
    const again = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('2.00'), headers })
    assert.equal(again.status, 201, JSON.stringify(again.body))
    await assertSound(under.database)
  })

  test('a key that is used for something else meanwhile does not keep the money on its way', async () => {
    const open = { body: fromAlice('1.00', { pending: true }), headers: key('to-be-voided') }
    const { body: hold } = await under.call('POST', '/v1/transfers', alice, open)
    const answer = await transferBy(dyingDatabase(under.database, steps.reserved, 'after'), 'used-twice')
    assert.ok(answer.status >= 500)
    await under.call('POST', `/v1/transfers/${hold.id}/void`, alice, { body: {}, headers: key('used-twice') })
    under.clock.advance(10_000) // the background takes what was left
    const transfer = transferIdOf('mem_alice', 'used-twice')
    while ((await under.call('GET', `/v1/transfers/${transfer}`, alice)).body.state !== 'posted') await sleep(20)
    await assertSound(under.database)
  })

  for (const what of ['capture', 'reverse'] as const) {
    test(`who asks again for a ${what} that is on its way is told so, and then the first answer`, async () => {
      const { body: about } = await under.call('POST', '/v1/transfers', alice, {
        body: fromAlice('2.00', what === 'capture' ? { pending: true } : {}),
        headers: key(`before-${what}`),
      })
      const request = [`/v1/transfers/${about.id}/${what}`, {}, key(`left-${what}`)] as const
      const left = await callBy(dyingDatabase(under.database, steps.reserved, 'after'), ...request)
      assert.ok(left.status >= 500)
      const [path, body, headers] = request
      const ask = () => under.callTwin('POST', path, asOperator, { body, headers }) // takes nothing to its end by itself
      const early = await ask()
      assert.deepEqual([early.status, early.body.code], [409, 'request_in_progress'], early.text)
      assert.ok(early.headers['retry-after'])
      under.clock.advance(10_000) // the background takes what was left
      let again = await ask()
      for (; again.status === 409; again = await ask()) await sleep(20)
      assert.deepEqual([again.status, again.headers['idempotency-replayed']], [what === 'capture' ? 200 : 201, 'true'])
      const other = await under.call('POST', path, asOperator, { body })
      assert.deepEqual([other.status, other.body.code], [409, 'conflict'], 'without that key it comes too late')
      await assertSound(under.database)
    })
  }

  test('that its payee has no room for does not leave, or waits until there is room', async () => {
    const fill = (value: string) =>
      under.call('POST', '/v1/deposits', asOperator, {
        body: { account: 'acc_bob', amount: { currency: 'CNY', value }, reference: 'more than there is' },
      })
    for (let times = 0; times < 3; times++) assert.equal((await fill('10000000000000000.00')).status, 201)
    const answer = await transferBy(dyingDatabase(under.database, steps.reserved, 'after'), 'no-room')
    assert.ok(answer.status >= 500)
    const { body } = await under.call('GET', '/v1/accounts/acc_bob', bob)
    const room = 4_000_000_000_000_000_000n - BigInt(body.balance.posted.value.replace('.', ''))
    assert.equal((await fill(`${room / 100n}.${String(room % 100n).padStart(2, '0')}`)).status, 201)

    const ask = (name: string) =>
      under.call('POST', '/v1/transfers', alice, { body: fromAlice('2.00'), headers: key(name) })
    const waits = await ask('no-room')
    assert.equal(waits.body.code, 'outcome_unknown', waits.text)
    const before = await balances()
    const refused = await ask('no-room-at-all')
    assert.deepEqual([refused.status, refused.body.code], [422, 'unacceptable_value'], refused.text)
    assert.deepEqual(await balances(), before)
    await assertSound(under.database)

    const withdrawal = { account: 'acc_bob', amount: { currency: 'CNY', value: '2.00' }, reference: 'out' }
    assert.equal(
      (await under.call('POST', '/v1/withdrawals', asOperator, { body: withdrawal, headers: key('out') })).status,
      201,
    )
    const arrived = await ask('no-room')
    assert.equal(arrived.status, 201, arrived.text)
    await assertSound(under.database)
  })

  /** A transfer of 2.00 from Alice to Bob by a process of its own on this database. */
  function transferBy(database: Database, name: string) {
    return callBy(database, '/v1/transfers', fromAlice('2.00'), key(name), alice)
  }

  async function callBy(
    database: Database,
    path: string,
    body: object,
    headers: Record<string, string>,
    claims = asOperator,
  ) {
    const { clock, keys } = under
    const log = createLog('silent')
    const nobody: Pick<CashFlowDeps, 'members' | 'products' | 'standings' | 'riskEvents'> = {
      standings: saidStandings(),
      members: { exists: async () => true },
      products: { find: async () => ({ currency: 'CNY', version: 1, fee: { kind: 'none' } }) },
      riskEvents: async () => [],
    }
    const { routes } = createCashFlow({ database, clock, log, writers: 4, ...nobody })
    const door = createDoor({ service: 'cash-flow', routes, passports: keys, clock: systemClock, log })
    return createCaller(door, 'cash-flow', keys)('POST', path, claims, { body, headers })
  }

  async function balances(): Promise<[alice: number, bob: number]> {
    const available = async (claims: typeof alice, account: string) =>
      Number((await under.call('GET', `/v1/accounts/${account}`, claims)).body.balance.available.value)
    return [await available(alice, 'acc_alice'), await available(bob, 'acc_bob')]
  }
})

const spendable = ([one, other]: readonly [number, number]): number => one + other

/** The process is gone before the transaction with this statement is committed, or right after. */
function dyingDatabase(database: Database, statement: string, when: 'before' | 'after'): Database {
  let isDead = false
  const die = (): never => {
    isDead = true
    throw new Error('killed')
  }
  return {
    ...database,
    async transaction(work) {
      if (isDead) die()
      let isIt = false
      const result = await database.transaction((sql) =>
        work({
          query(text, values) {
            isIt ||= text.includes(statement)
            return isIt && when === 'before' ? die() : sql.query(text, values)
          },
        }),
      )
      return isIt ? die() : result
    },
    async atOnce(statements) {
      if (isDead) die()
      const isIt = statements.some(({ text }) => text.includes(statement))
      if (isIt && when === 'before') die()
      const result = await database.atOnce(statements)
      return isIt ? die() : result
    },
  }
}

onEachStore('money from one shard to another of the same writer', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open())
  })
  after(() => under.close())

  const entriesOf = (transfer: string) =>
    under.database.transaction((sql) =>
      sql.query(
        `SELECT phase, direction, account, amount, shard FROM entry WHERE transfer = $1 ORDER BY shard, direction DESC, account`,
        [transfer],
      ),
    )

  test('is posted at once, with debits and credits equal in each shard', async () => {
    const made = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('7.00'), headers: key('at-once') })
    assert.deepEqual([made.status, made.body.state], [201, 'posted'])
    assert.deepEqual(
      (await entriesOf(made.body.id)).map((row) => Object.values(row).join(' ')),
      [
        'post debit acc_alice 700 1',
        'post credit acc_between_cny_1 700 1',
        'post debit acc_between_cny_3 700 3',
        'post credit acc_bob 700 3',
      ],
    )
    await assertSound(under.database)
  })

  test('is captured in part, and reversed, at once as well', async () => {
    const open = { body: fromAlice('5.00', { pending: true }), headers: key('held-at-once') }
    const { body: hold } = await under.call('POST', '/v1/transfers', alice, open)
    const amount = { currency: 'CNY', value: '3.00' }
    const captured = await under.call('POST', `/v1/transfers/${hold.id}/capture`, alice, { body: { amount } })
    assert.deepEqual([captured.status, captured.body.state], [200, 'posted'])
    assert.equal((await entriesOf(hold.id)).length, 6)
    const reversed = await under.call('POST', `/v1/transfers/${hold.id}/reverse`, bob, { body: {} })
    assert.equal(reversed.status, 201)
    assert.equal((await entriesOf(reversed.body.id)).length, 4)
    await assertSound(under.database)
  })
})
