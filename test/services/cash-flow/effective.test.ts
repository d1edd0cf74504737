import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { type Instant, toRfc3339 } from '../../../src/kernel/clock.ts'
import type { Row, SqlValue } from '../../../src/platform/database.ts'
import { lastEntry, searchMonth } from '../../../src/services/cash-flow/store/by-time.ts'
import { asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, cny, fromAlice, key, openCashFlow, rebuildOf } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const ACCOUNTS = ['acc_alice', 'acc_bob', 'acc_carol'] as const

onEachStore('money that counts as moved earlier', (store) => {
  let under: CashFlowUnderTest
  let opened: Instant
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false })
    opened = under.clock.now()
    under.clock.advance(40 * DAY_MS)
  })
  after(() => under.close())

  const rows = <R extends Row>(text: string): Promise<R[]> => under.database.transaction((sql) => sql.query<R>(text))
  const ago = (ms: number): string => toRfc3339((under.clock.now() - ms) as Instant)
  const deposit = (account: string, value: string, effectiveAt?: string, headers: Record<string, string> = {}) => {
    const body = {
      account,
      amount: cny(value),
      reference: 'salary',
      ...(effectiveAt === undefined ? {} : { effectiveAt }),
    }
    return under.call('POST', '/v1/deposits', asOperator, { body, headers })
  }
  const read = (account: string, query: Record<string, string> = { asOf: ago(0) }) =>
    under.call('GET', `/v1/accounts/${account}?${new URLSearchParams(query)}`, asOperator)
  const posted = async (account: string, query: Record<string, string>) =>
    Number((await read(account, query)).body.balance.posted.value)

  test('a deposit may say when it counts, and says so wherever it is told of', async () => {
    const effectiveAt = ago(3 * DAY_MS)
    const made = await deposit('acc_alice', '70.00', effectiveAt)
    assert.deepEqual([made.status, made.body.effectiveAt], [201, effectiveAt], made.text)
    const [entry, before] = (await under.call('GET', '/v1/accounts/acc_alice/entries', alice)).body.items
    assert.deepEqual([entry.effectiveAt, entry.recordedAt], [effectiveAt, made.body.createdAt])
    assert.equal(before.effectiveAt, before.recordedAt)
    const plain = await deposit('acc_bob', '1.00')
    assert.equal('effectiveAt' in plain.body, false)
    const feed = await under.call('GET', '/internal/feed?after=0&waitMs=0', asService('settlement'))
    const events = feed.body.items as { data: { deposit?: string; effectiveAt?: string } }[]
    const told = events.find(({ data }) => data.deposit === made.body.id)
    assert.equal(told?.data.effectiveAt, effectiveAt)
    assert.deepEqual((await rebuildOf(under)).differences, [])
  })

  test('it is known from when it was recorded, and effective from when it says', async () => {
    const known = ago(0)
    const before = await posted('acc_carol', { asOf: known })
    under.clock.advance(HOUR_MS)
    await deposit('acc_carol', '5.00', ago(2 * DAY_MS))
    const now = ago(0)
    for (const [asOf, effectiveAt, is] of [
      [known, ago(0), before],
      [known, ago(2 * DAY_MS), before],
      [now, ago(0), before + 5],
      [now, ago(DAY_MS), before + 5],
      [now, ago(2 * DAY_MS), before + 5],
      [now, ago(2 * DAY_MS + 1), before],
      [now, ago(3 * DAY_MS), before],
    ] as const)
      assert.equal(await posted('acc_carol', { asOf, effectiveAt }), is, `${asOf} ${effectiveAt}`)
    const { version } = (await read('acc_carol')).body
    assert.equal(await posted('acc_carol', { asOf: String(version), effectiveAt: ago(DAY_MS) }), before + 5)
    assert.equal(await posted('acc_carol', { asOf: String(version - 1), effectiveAt: ago(DAY_MS) }), before)
    assert.equal(await posted('acc_carol', { effectiveAt: ago(DAY_MS) }), before + 5)
    assert.equal((await read('acc_carol', { effectiveAt: ago(DAY_MS) })).body.version, version)
    assert.equal(
      (await read('acc_carol', { asOf: ago(2 * DAY_MS) })).body.version,
      version - 1,
      'asOf alone is as ever',
    )
  })

  test('a reversal by an operator may count from when the money was moved; a member says no time', async () => {
    const { body: paid } = await under.call('POST', '/v1/transfers', alice, {
      body: fromAlice('8.00'),
      headers: key('wrong'),
    })
    const at = ago(0)
    under.clock.advance(2 * DAY_MS)
    const reverse = (claims: typeof alice) =>
      under.call('POST', `/v1/transfers/${paid.id}/reverse`, claims, { body: { effectiveAt: at } })
    const refused = await reverse(bob)
    assert.deepEqual([refused.status, refused.body.code], [422, 'unacceptable_value'])
    const earlier = [
      await posted('acc_alice', { effectiveAt: at }),
      await posted('acc_bob', { effectiveAt: at }),
    ] as const
    const reversed = await reverse(asOperator)
    assert.deepEqual([reversed.status, reversed.body.effectiveAt], [201, at], reversed.text)
    assert.equal(await posted('acc_alice', { effectiveAt: at }), earlier[0] + 8)
    assert.equal(await posted('acc_bob', { effectiveAt: at }), earlier[1] - 8)
    assert.equal((await under.call('GET', `/v1/transfers/${reversed.body.id}`, alice)).body.effectiveAt, at)
  })

  test('what can not have been is refused, with the field', async () => {
    for (const [at, detail] of [
      [ago(-1), 'is later than now'],
      [ago(401 * DAY_MS), 'is more than 400 days ago'],
      [toRfc3339((opened - 1) as Instant), 'is before the account was opened'],
    ] as const) {
      const { status, body } = await deposit('acc_alice', '1.00', at)
      assert.deepEqual([status, body.code, body.detail], [422, 'unacceptable_value', `body/effectiveAt: ${detail}`])
    }
    assert.equal((await deposit('acc_alice', '1.00', 'yesterday')).status, 400)
    assert.equal((await read('acc_alice', { effectiveAt: '3' })).status, 400)
    assert.equal((await read('acc_alice', { effectiveAt: toRfc3339((opened - 1) as Instant) })).status, 404)
    assert.equal((await deposit('acc_alice', '1.00', ago(0))).body.effectiveAt, undefined)
  })

  test('the same key says the same time, or is another request', async () => {
    const effectiveAt = ago(DAY_MS)
    const first = await deposit('acc_bob', '2.00', effectiveAt, key('late'))
    under.clock.advance(401 * DAY_MS)
    const again = await deposit('acc_bob', '2.00', effectiveAt, key('late'))
    assert.deepEqual([again.status, again.body, again.headers['idempotency-replayed']], [201, first.body, 'true'])
    assert.equal((await deposit('acc_bob', '2.00', ago(DAY_MS), key('late'))).body.code, 'idempotency_key_reused')
  })

  test('whatever happens, each balance known at one time and effective at another is what its entries come to', async () => {
    const step = fc.record({
      what: fc.constantFrom('deposit', 'transfer', 'pending', 'reversal'),
      to: fc.constantFrom(...ACCOUNTS),
      hours: fc.integer({ min: 0, max: 100 }),
      backHours: fc.integer({ min: 0, max: 300 }),
    })
    let nth = 0
    const transfers: string[] = []
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 12 }), async (steps) => {
        for (const { what, to, hours, backHours } of steps) {
          nth += 1
          under.clock.advance(hours * HOUR_MS)
          const effectiveAt = ago(backHours * HOUR_MS)
          if (what === 'deposit') await deposit(to, `${nth}.00`, effectiveAt)
          else if (what === 'reversal')
            await under.call('POST', `/v1/transfers/${transfers.pop()}/reverse`, asOperator, { body: { effectiveAt } })
          else {
            const body = fromAlice('0.07', { to: 'acc_bob', ...(what === 'pending' ? { pending: true } : {}) })
            const made = await under.call('POST', '/v1/transfers', alice, { body, headers: key(`step-${nth}`) })
            if (what === 'transfer') transfers.push(made.body.id)
          }
        }
        await compareAtRandomTimes()
      }),
      { numRuns: 6 },
    )
    await assertSound(under.database)
    assert.deepEqual((await rebuildOf(under)).differences, [])
  })

  async function compareAtRandomTimes(): Promise<void> {
    const [now, span] = [under.clock.now(), under.clock.now() - opened]
    for (let round = 0; round < 8; round++) {
      const [t1, t2] = [0, 0].map(() => toRfc3339((now - Math.floor((span * Math.random() ** 3) / 2)) as Instant)) as [
        string,
        string,
      ]
      const effective = `recorded_at <= '${t1}' AND coalesce(effective_at, recorded_at) <= '${t2}'`
      const sum = `sum(CASE WHEN phase <> 'post' THEN 0 WHEN direction = 'credit' THEN amount ELSE -amount END)::bigint`
      const [all] = await rows<{ surplus: bigint }>(`SELECT ${sum} AS surplus FROM entry WHERE ${effective}`)
      assert.equal(all?.surplus ?? 0n, 0n, 'debits and credits are equal at any two times')
      for (const account of [...ACCOUNTS, 'acc_external_cny_1']) {
        const mine = `account = '${account}'`
        const [told] = await rows<{ posted: bigint | null }>(
          `SELECT ${sum} AS posted FROM entry WHERE ${mine} AND ${effective}`,
        )
        const [last] = await rows<{ pending: bigint }>(
          `SELECT pending FROM entry WHERE ${mine} AND recorded_at <= least('${t1}'::timestamptz, '${t2}'::timestamptz) ORDER BY version DESC LIMIT 1`,
        )
        const { body } = await read(account, { asOf: t1, effectiveAt: t2 })
        const is = [body.balance.posted.value, body.balance.pending.value].map((value) =>
          BigInt(value.replace('.', '')),
        )
        assert.deepEqual(is, [told?.posted ?? 0n, last?.pending ?? 0n], `${account} known ${t1}, effective ${t2}`)
      }
    }
  }

  test('a reader of one time or of two looks at few rows, in the months that matter, however many entries there are', async () => {
    await fill()
    const from = (month: string) => `2029-${month}-15T00:00:00Z`
    const scans = async (query: string, values: readonly SqlValue[] = []): Promise<string[]> => {
      const text = `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ${query}`
      const plan = await under.database.transaction((sql) => sql.query<{ 'QUERY PLAN': string }>(text, values))
      const lines = plan.map((line) => line['QUERY PLAN'])
      assert.ok(!lines.some((line) => line.includes('Seq Scan')), lines.join('\n'))
      return lines.filter((line) => /Scan.* on entry_|Scan using entry_/.test(line) && !line.includes('never executed'))
    }
    const { text, values } = searchMonth({ id: 'acc_many', shard: 1 }, '<=', Date.parse(from('02')) as Instant)
    const steps = await scans(text, values)
    for (const step of steps) assert.match(step, /entry_2029_02_1.* rows=[01](\.\d\d)? loops=(\d|1\d)\)/)
    assert.ok(steps.length > 0)
    const late = `SELECT sum(amount) FROM entry WHERE shard = 1 AND account = 'acc_many' AND effective_at IS NOT NULL AND effective_at <= '${from('02')}'
      AND recorded_at > '${from('02')}' AND recorded_at <= '${from('03')}' AND version > 100 AND version <= 19000`
    const looked = await scans(late)
    assert.deepEqual([...new Set(looked.map((line) => /entry_\d{4}_\d{2}_\d/.exec(line)?.[0]))].sort(), [
      'entry_2029_02_1',
      'entry_2029_03_1',
    ])
    for (const line of looked) assert.match(line, /effective_at_version_idx/)
  })

  test('an entry is found by its time, whichever share a moment and wherever months end', async () => {
    const at = (text: string) => Date.parse(text)
    const steps = [0, 1, 0, 0, 7_000, 0, HOUR_MS, 0, 26 * HOUR_MS, 0]
    const stretch = (from: number) => {
      let time = from
      return [...steps, ...steps, ...steps].map((step) => (time += step))
    }
    const edge = at('2031-02-01T00:00:00Z')
    const times = [...stretch(at('2031-01-29T00:00:00Z')), edge - 1, edge, edge, ...stretch(at('2031-04-28T00:00:00Z'))]
    times.sort((a, b) => a - b)
    await under.database.transaction(async (sql) => {
      await sql.query('RESET ROLE')
      for (const month of ['01', '02', '03', '04', '05']) await sql.query(`SELECT open_month('2031-${month}-01')`)
      await sql.query(
        `INSERT INTO entry (account, version, id, transfer, phase, direction, amount, posted, pending, recorded_at, shard)
         SELECT 'acc_times', nth, 'ent_t' || nth, 'trf_t' || nth, 'post', 'credit', 1, nth, 0, at, 1
         FROM unnest($1::timestamptz[]) WITH ORDINALITY AS made (at, nth)`,
        [times.map((time) => toRfc3339(time as Instant))],
      )
      const asked = new Set([
        at('1970-01-01T00:00:00Z'),
        ...times,
        at('2031-03-15T00:00:00Z'),
        at('9999-12-31T23:59:59Z'),
      ])
      for (const then of [...asked].flatMap((time) => [time - 1, time, time + 1]) as Instant[]) {
        for (const than of ['<=', '<'] as const) {
          const found = await lastEntry(sql, { id: 'acc_times', shard: 1 }, than, then)
          const due = times.filter((time) => (than === '<' ? time < then : time <= then)).length
          assert.equal(Number(found?.['version'] ?? 0), due, `${than} ${toRfc3339(then)}`)
        }
      }
    })
  })

  /** 20,000 entries of one account over four months, a few of them recorded late. */
  async function fill(): Promise<void> {
    await under.database.transaction(async (sql) => {
      await sql.query('RESET ROLE')
      for (const month of ['01', '02', '03', '04']) await sql.query(`SELECT open_month('2029-${month}-01')`)
      await sql.query(
        `INSERT INTO entry (account, version, id, transfer, phase, direction, amount, posted, pending, recorded_at, shard, effective_at)
         SELECT 'acc_many', n, 'ent_' || n, 'trf_' || n, 'post', 'credit', 1, n, 0, at, 1, CASE WHEN n % 500 = 0 THEN at - interval '20 days' END
         FROM (SELECT n, '2029-01-01Z'::timestamptz + n * interval '500 seconds' AS at FROM generate_series(1, 20000) AS n) AS made`,
      )
      await sql.query('ANALYZE entry')
    })
  }
})

onEachStore('money that counts as moved earlier, between writers', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false, writers: 4 })
    under.clock.advance(40 * DAY_MS)
  })
  after(() => under.close())

  test('counts from the same time in each of its steps', async () => {
    const paid = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('8.00'), headers: key('wrong') })
    assert.equal(paid.status, 201)
    const at = toRfc3339(under.clock.now())
    under.clock.advance(DAY_MS)
    const { status, body } = await under.call('POST', `/v1/transfers/${paid.body.id}/reverse`, asOperator, {
      body: { effectiveAt: at },
    })
    assert.deepEqual([status, body.effectiveAt], [201, at])
    const entries = await under.database.transaction((sql) =>
      sql.query<{ phase: string; effective: string | null }>(
        `SELECT phase, to_char(effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS effective FROM entry WHERE transfer = '${body.id}'`,
      ),
    )
    assert.ok(
      entries.some(({ phase }) => phase === 'reserve'),
      'it went from one writer to another',
    )
    for (const { phase, effective } of entries) assert.equal(effective, phase === 'post' ? at : null, phase)
    await assertSound(under.database)
  })
})
