import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { verifyMonthFile } from '../../../src/cli/ledger/month-file.ts'
import { attachMonth, detachMonth, exportMonth } from '../../../src/cli/ledger/months.ts'
import type { OperatorClient } from '../../../src/cli/operator-client.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, type CashFlowUnderTest, cny, fromAlice, key, openCashFlow, rebuildOf } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

const DAY_MS = 86_400_000

onEachStore('months of entries', (store) => {
  let under: CashFlowUnderTest
  let folder: string
  let file: string
  let operator: OperatorClient
  const kept = new Map<string, unknown>()
  const quiet = (): (() => void) => {
    const [log, error] = [console.log, console.error]
    console.log = console.error = () => {}
    return () => Object.assign(console, { log, error })
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-months-'))
    file = join(folder, 'entries-2026-03.jsonl')
    under = await openCashFlow(await store.open(), { start: false })
    operator = operatorOf(under)
    const backdated = {
      account: 'acc_alice',
      amount: cny('5.00'),
      reference: 'late',
      effectiveAt: '2026-03-02T10:00:00Z',
    }
    under.clock.advance(3_600_000)
    assert.equal((await under.call('POST', '/v1/deposits', asOperator, { body: backdated })).status, 201)
    // March, April and June: Alice pays in each; nobody does in May.
    for (const [month, days] of [
      ['march', 30],
      ['april', 61],
      ['june', 0],
    ] as const) {
      for (const nth of [1, 2, 3]) {
        const paid = await under.call('POST', '/v1/transfers', alice, {
          body: fromAlice(`${nth}.00`),
          headers: key(`${month}-${nth}`),
        })
        assert.equal(paid.status, 201)
      }
      under.clock.advance(days * DAY_MS)
    }
  })
  after(async () => {
    await under.close()
    await rm(folder, { recursive: true })
  })

  const read = (target: string) => under.call('GET', `/v1/accounts/acc_alice${target}`, alice)
  const stateOf = async (month: string) => {
    const { items } = (await operator.get('/v1/ledger/months')) as {
      items: { month: string; state: string; rows: number }[]
    }
    return items.find((each) => each.month === month)
  }
  const run = async (work: () => Promise<number>): Promise<number> => {
    const loud = quiet()
    try {
      return await work()
    } finally {
      loud()
    }
  }
  const reads = [
    '?asOf=1',
    '?asOf=3',
    '?asOf=2026-03-31T00:00:00Z',
    '/entries',
    '/entries?to=2026-04-01T00:00:00Z',
    '/entries?limit=4',
  ]

  test('are listed with what they hold; the one that is not over is current', async () => {
    const { items } = (await operator.get('/v1/ledger/months')) as {
      items: { month: string; state: string; rows: number; bytes: number }[]
    }
    assert.deepEqual(
      items.map(({ month, state }) => [month, state]),
      [
        ['2026-03', 'attached'],
        ['2026-04', 'attached'],
        ['2026-06', 'current'],
      ],
    )
    for (const { rows, bytes } of items) assert.ok(rows > 5 && bytes > 0)
  })

  test('that are not over are neither exported nor detached, nor is one that was not exported', async () => {
    for (const [month, pattern] of [
      ['2026-06', /409 .*not over/],
      ['2026-05', /404/],
      ['2031-01', /404/],
    ] as const) {
      await assert.rejects(
        run(() => exportMonth(operator, month, join(folder, 'none'), false)),
        pattern,
      )
      await assert.rejects(
        run(() => detachMonth(operator, month, false)),
        pattern,
      )
    }
    await assert.rejects(
      run(() => detachMonth(operator, '2026-03', false)),
      /was not exported/,
    )
    assert.equal((await under.call('GET', '/v1/ledger/months', alice)).status, 404)
  })

  test('are written out with the records that tell of them, which verify by themselves', async () => {
    assert.equal(await run(() => exportMonth(operator, '2026-03', file, false)), 0)
    const found = await verifyMonthFile(file)
    assert.deepEqual([found.month, found.faults, found.entries], ['2026-03', [], (await stateOf('2026-03'))?.rows])
    assert.ok(found.records > 3)
    await assert.rejects(
      run(() => exportMonth(operator, '2026-03', file, false)),
      /EEXIST/,
      'no file is written over',
    )
  })

  test('a file in which anything was changed does not verify', async () => {
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    const spoilt = join(folder, 'spoilt.jsonl')
    const entry = lines.findIndex((line) => line.startsWith('{"kind":"entry"'))
    const record = lines.findLastIndex((line) => line.startsWith('{"kind":"record"'))
    const told = lines.findIndex((line) => line.startsWith('{"kind":"record"') && line.includes('rent'))
    const changes: Record<string, (all: string[]) => string[]> = {
      'an amount': (all) => all.with(entry, (all[entry] ?? '').replace(/"amount":"\d+"/, '"amount":"1"')),
      'an entry less': (all) => all.toSpliced(entry, 1),
      'an entry more': (all) => all.toSpliced(entry, 0, all[entry] ?? ''),
      'what a record says': (all) => all.with(told, (all[told] ?? '').replace('rent', 'Rent')),
      'a record less': (all) => all.toSpliced(record, lines.length - 1 - record),
      'the end': (all) => all.slice(0, -1),
      'something behind the end': (all) => [...all, all[entry] ?? ''],
      'no JSON': (all) => all.with(entry, '{'),
      'another month': (all) => all.with(0, (all[0] ?? '').replace('2026-03', '2026-04')),
    }
    for (const [what, change] of Object.entries(changes)) {
      await writeFile(spoilt, `${change(lines).join('\n')}\n`)
      assert.notDeepEqual((await verifyMonthFile(spoilt)).faults, [], what)
      await assert.rejects(
        run(async () => {
          const code = await attachMonth(operator, '2026-03', spoilt, false)
          throw new Error(`exit code ${code}`)
        }),
        /exit code 1/,
        what,
      )
    }
  })

  test('are taken off: newer reads answer as before, older ones name the export, and nothing else is missing', async () => {
    for (const target of [...reads, '', '?asOf=2026-05-02T00:00:00Z']) kept.set(target, (await read(target)).body)
    assert.equal(await run(() => detachMonth(operator, '2026-03', false)), 0)
    assert.equal((await stateOf('2026-03'))?.state, 'detached')
    for (const target of ['', '?asOf=2026-05-02T00:00:00Z'])
      assert.deepEqual((await read(target)).body, kept.get(target))
    const { sha256 } = await verifyMonthFile(file)
    for (const target of ['?asOf=1', '?asOf=3', '?asOf=2026-03-31T00:00:00Z', '/entries?to=2026-04-01T00:00:00Z']) {
      const { status, body } = await read(target)
      assert.deepEqual([status, body.code], [410, 'month_detached'], target)
      assert.match(body.detail, /2026-03 in entries-2026-03\.jsonl/)
      assert.deepEqual(body.state, { months: [{ month: '2026-03', file: 'entries-2026-03.jsonl', sha256 }] })
    }
    for (const target of ['?asOf=0', '?asOf=2026-03-01T00:00:00Z', '?asOf=99'])
      assert.ok([200, 404].includes((await read(target)).status), target)
  })

  test('a list of entries ends above what was taken off, and says so where it begins', async () => {
    const first = (await read('/entries')).body
    const all = (kept.get('/entries') as { items: { version: number; recordedAt: string }[] }).items
    assert.deepEqual(
      first.items,
      all.filter(({ recordedAt }) => recordedAt >= '2026-04'),
    )
    const next = await read(`/entries?cursor=${first.next}`)
    assert.deepEqual([next.status, next.body.code], [410, 'month_detached'])
    assert.equal((await read('/entries?from=2026-04-01T00:00:00Z')).body.next, null)
    const explained = await under.call('GET', '/v1/ledger/accounts/acc_alice', asOperator)
    assert.equal(explained.body.items.length, first.items.length)
  })

  test('keys and transfers of a month that was taken off are what they were', async () => {
    const again = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('1.00'), headers: key('march-1') })
    assert.deepEqual([again.status, again.headers['idempotency-replayed']], [201, 'true'])
    const other = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('9.00'), headers: key('march-1') })
    assert.equal(other.body.code, 'idempotency_key_reused')
    assert.equal((await under.call('GET', `/v1/transfers/${again.body.id}`, alice)).body.id, again.body.id)
    const reversed = await under.call('POST', `/v1/transfers/${again.body.id}/reverse`, asOperator, { body: {} })
    assert.equal(reversed.status, 201, reversed.text)
  })

  test('the ledger is still as its journal tells it, which names the month that it could not compare', async () => {
    const { differences, detached, rows } = await rebuildOf(under)
    assert.deepEqual([differences, detached], [[], ['2026-03']])
    assert.ok(rows > 0)
  })

  test('are brought back from the file alone, as it was written, and are all there', async () => {
    const missing = join(folder, 'of-april.jsonl')
    assert.equal(await run(() => exportMonth(operator, '2026-04', missing, false)), 0)
    await assert.rejects(
      run(() => attachMonth(operator, '2026-03', missing, false)),
      /is of 2026-04/,
    )
    assert.equal(await run(() => attachMonth(operator, '2026-03', file, false)), 0)
    assert.equal((await stateOf('2026-03'))?.state, 'attached')
    for (const target of ['?asOf=1', '?asOf=3', '?asOf=2026-03-31T00:00:00Z', '/entries?to=2026-04-01T00:00:00Z'])
      assert.deepEqual((await read(target)).body, kept.get(target), target)
    const { differences, detached } = await rebuildOf(under)
    assert.deepEqual([differences, detached], [[], []])
    await assertSound(under.database)
  })

  test('what is staged is attached only if it is all that the journal tells, and as it tells it', async () => {
    assert.equal(await run(() => detachMonth(operator, '2026-03', false)), 0)
    const entries: Record<string, unknown>[] = []
    await verifyMonthFile(file, (entry) => void entries.push(entry))
    const first = entries[0] ?? {}
    const stage = async (put: readonly Record<string, unknown>[]): Promise<unknown> => {
      await operator.post('/v1/ledger/months/2026-03/stage', {})
      await operator.post('/v1/ledger/months/2026-03/entries', { entries: put })
      let { work } = (await operator.post('/v1/ledger/months/2026-03/attach', {})) as {
        work: { state: string; detail: string }
      }
      while (work.state === 'running')
        ({ work } = (await operator.get('/v1/ledger/months/work')) as { work: typeof work })
      assert.equal(work.state, 'failed')
      return work.detail
    }
    assert.match(String(await stage(entries.slice(1))), /1 entries are not as the records/)
    assert.match(
      String(await stage([{ ...first, amount: '1' }, ...entries.slice(1)])),
      /1 entries are not as the records/,
    )
    assert.match(
      String(await stage([...entries, { ...first, version: 77 }])),
      /there are \d+ entries, and the journal tells of \d+/,
    )
    assert.equal((await read('?asOf=1')).status, 410, 'nothing of it can be read')
    assert.equal(await run(() => attachMonth(operator, '2026-03', file, false)), 0)
    await assertSound(under.database)
  })

  test('a month whose rows were changed is not exported', async () => {
    const change = (by: string) =>
      under.database.transaction(async (sql) => {
        await sql.query('RESET ROLE')
        await sql.query(`UPDATE entry SET posted = posted ${by} WHERE account = 'acc_alice' AND version = 2`)
      })
    await change('+ 1')
    assert.equal(await run(() => exportMonth(operator, '2026-03', join(folder, 'changed.jsonl'), false)), 1)
    await assert.rejects(
      run(() => detachMonth(operator, '2026-03', false)),
      /1 entries are not as the records/,
    )
    await change('- 1')
  })

  test('money goes on while a month is taken off and put back', async () => {
    const moves = Array.from({ length: 12 }, (_, nth) =>
      under.call('POST', '/v1/transfers', alice, { body: fromAlice('0.10'), headers: key(`while-${nth}`) }),
    )
    assert.equal(await run(() => detachMonth(operator, '2026-04', false)), 0)
    assert.equal(await run(() => attachMonth(operator, '2026-04', join(folder, 'of-april.jsonl'), false)), 0)
    for (const { status } of await Promise.all(moves)) assert.equal(status, 201)
    assert.deepEqual((await rebuildOf(under)).differences, [])
    await assertSound(under.database)
    assert.deepEqual((await read('')).body.balance.pending, cny('0.00'))
  })
})

/** The operator API without the edge: the same routes, by passport. */
function operatorOf({ call }: CashFlowUnderTest): OperatorClient {
  const ask = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> => {
    const answer = await call(method, path, asOperator, body === undefined ? {} : { body })
    if (answer.status >= 400) throw new Error(`${answer.status} ${answer.body.code}: ${answer.body.detail}`)
    return answer.status === 204 ? null : answer.body
  }
  return {
    get: (path) => ask('GET', path),
    post: (path, body) => ask('POST', path, body),
    delete: (path) => ask('DELETE', path),
  }
}
