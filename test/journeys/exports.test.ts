import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { verifyExportFile } from '../../src/cli/export/export-file.ts'
import { hashOfPart } from '../../src/platform/export-document.ts'
import { compileSchema } from '../../src/platform/schema.ts'
import { runCli } from '../support/cli.ts'
import { assertRefused, type EdgeCalls, edgeCalls, eventually, type Who } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

// biome-ignore lint/suspicious/noExplicitAny: what an answer holds
type Part = any
type Fetched = { readonly wire: Part; readonly parts: readonly Part[]; section(name: string): readonly Part[] }

const stores =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined ? (['pglite'] as const) : (['pglite', 'postgres'] as const)
const schema = JSON.parse(readFileSync('config/export.schema.json', 'utf8'))
const checkLine = compileSchema(schema)
const reason = 'request 2027-114'
const cny = (value: string) => ({ currency: 'CNY', value })

for (const database of stores) {
  describe(`an export of a person on ${database}`, () => {
    let platform: TestPlatform
    let calls: EdgeCalls
    let folder: string

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tidegate-export-'))
      platform = await startTestPlatform({ database })
      calls = withExports(edgeCalls(platform))
      await aDayOf(calls)
    })
    after(async () => {
      await platform.close()
      await rm(folder, { recursive: true })
    })

    const begin = (who: Who, member: Who, audience: string) =>
      who === 'operator'
        ? calls.call(who, 'POST', `/v1/members/${member}/exports`, { body: { audience, reason } })
        : calls.call(who, 'POST', '/v1/exports', { body: {} })

    const fetched = async (who: Who, id: string): Promise<Fetched> => {
      const wire = await eventually('the export', async () => {
        const { body } = await calls.call(who, 'GET', `/v1/exports/${id}`)
        assert.ok(['running', 'ready'].includes(body.state), JSON.stringify(body))
        return body.state === 'ready' && body
      })
      const parts: Part[] = []
      for (let number = 1; number <= wire.parts; number += 1) {
        const part = await calls.call(who, 'GET', `/v1/exports/${id}/parts/${number}`)
        assert.equal(part.status, 200, part.text)
        assert.deepEqual(checkLine(part.body), { ok: true, value: part.body })
        parts.push(part.body)
      }
      return { wire, parts, section: (name) => parts.flatMap((part) => (part.section === name ? part.items : [])) }
    }

    const exportOf = async (who: Who, member: Who, audience: string): Promise<Fetched> => {
      const begun = await begin(who, member, audience)
      assert.equal(begun.status, 202, begun.text)
      assert.equal(begun.headers['location'], `/v1/exports/${begun.body.id}`)
      return fetched(who, begun.body.id)
    }

    test('the member is told all that every service holds, and nothing of a review that is open', async () => {
      const own = await exportOf('mem_alice', 'mem_alice', 'member')
      assert.equal(own.section('record')[0].fields.name, 'Alice')
      assert.deepEqual(
        own.section('keys').map(({ state }) => state),
        ['kept'],
      )
      assert.equal(own.section('endpoints')[0].url, 'http://127.0.0.1:9/hook')
      const entries = own.section('entries').filter(({ account }) => account === 'acc_alice')
      assert.deepEqual(
        entries.map(({ version }) => version),
        entries.map((_, index) => index + 1),
      )
      const [account] = own.section('accounts').filter(({ id }) => id === 'acc_alice')
      assert.deepEqual([account.version, account.balance], [entries.length, entries.at(-1).balance])
      const kinds = new Set(entries.map(({ of }) => of.kind))
      assert.deepEqual([...kinds].sort(), ['deposit', 'transfer', 'withdrawal'])
      assert.equal(own.section('creditLines')[0].creditLine.value, '10.00')
      assert.ok(own.section('operations').some(({ state }) => state === 'held'))
      assert.ok(own.section('requests').length > 0)
      const outcomes = own.section('assessments').map(({ outcome, review }) => [outcome, review])
      assert.deepEqual(outcomes, [
        ['accept', null],
        ['hold', null],
        ['reject', null],
      ])
      assert.ok(own.section('products').every(({ id }) => id === 'prd_basic'))
      assert.ok(own.section('lines').length > 0)
      assert.equal(own.section('batches').length, 1)
      const untold = /internal|case_|"score"|whsec_|op_olga|risk\/|velocity/
      assert.equal(untold.exec(JSON.stringify(own))?.[0], undefined)
    })

    test('an operator is told of the case as well, has to say why, and leaves in the receipt whom it was about', async () => {
      const full = await exportOf('operator', 'mem_alice', 'operator')
      const held = full.section('assessments').find(({ outcome }) => outcome === 'hold').internal
      assert.deepEqual([held.case.state, held.case.history[0].kind], ['open', 'opened'])
      assert.equal(held.facts.transfer.reference, 'rent')
      assert.equal(full.section('creditLines')[0].setBy, 'op_olga')
      assertRefused(await calls.call('mem_alice', 'GET', `/v1/exports/${full.wire.id}`), 'not_found')
      assertRefused(await calls.call('mem_alice', 'GET', `/v1/exports/${full.wire.id}/parts/1`), 'not_found')
      const listed = await calls.call('mem_alice', 'GET', '/v1/exports')
      assert.deepEqual(new Set(listed.body.items.map(({ audience }: Part) => audience)), new Set(['member']))
      assertRefused(
        await calls.call('operator', 'POST', '/v1/members/mem_alice/exports', { body: { audience: 'operator' } }),
        'validation_failed',
      )
      const read = await calls.call('operator', 'GET', `/v1/exports/${full.wire.id}/parts/1`)
      const receipt = await eventually('the receipt', async () => {
        const found = await calls.operate('operator', 'GET', `/v1/receipts/${read.headers['tidegate-receipt']}`)
        return found.status === 200 && found.body
      })
      assert.match(JSON.stringify(receipt), new RegExp(`${full.wire.id}.*mem_alice`))
    })

    test('two of an unchanged person are the same, byte for byte', async () => {
      const [one, other] = [
        await exportOf('operator', 'mem_bob', 'operator'),
        await exportOf('operator', 'mem_bob', 'operator'),
      ]
      const told = ({ parts }: Fetched) => parts.filter(({ section }) => section !== 'exports')
      const items = (of: Fetched) => told(of).map(({ section, items: all }) => [section, all])
      assert.deepEqual(items(one), items(other))
      const before = ({ parts }: Fetched) =>
        parts.slice(
          0,
          parts.findIndex(({ section }) => section === 'exports'),
        )
      assert.deepEqual(before(one), before(other)) // with their hashes
    })

    test('the file verifies by itself, against the heads of the ledger, and not once a digit is changed', async () => {
      const { body: begun } = await begin('mem_alice', 'mem_alice', 'member')
      const { wire } = await fetched('mem_alice', begun.id)
      const file = join(folder, 'alice.jsonl')
      const token = await platform.token('mem_alice', MEMBER_SCOPE)
      const run = (...args: string[]) => runCli(['export', ...args], platform.environment)
      const { code, stdout, stderr } = await run('fetch', wire.id, '--to', file, '--token', token)
      assert.equal(code, 0, stderr)
      assert.match(stdout, /what is held on mem_alice, for the member/)
      const { body: keys } = await calls.call(null, 'GET', '/v1/export-keys')
      const sound = await verifyExportFile(file, keys)
      assert.deepEqual([sound.faults, sound.manifest?.items], [[], wire.items])
      await calls.operate('operator', 'POST', '/v1/ledger/rebuild', { body: {} })
      const rebuilt = await eventually('the rebuild', async () => {
        const { body } = await calls.operate('operator', 'GET', '/v1/ledger/rebuild')
        return body.state === 'done' && body
      })
      const heads = new Map(rebuilt.shards.map(({ shard, hash }: Part) => [shard, hash]))
      for (const { shard, hash } of sound.manifest?.ledger ?? []) assert.equal(heads.get(shard), hash)
      const text = readFileSync(file, 'utf8')
      const lines = text.trimEnd().split('\n')
      const withHash = (line: string, previous: string | null) => JSON.stringify({ ...JSON.parse(line), previous })
      const relinked = [(lines[0] ?? '').replace('"Alice"', '"Alicia"')]
      for (const line of lines.slice(1, -1)) {
        relinked.push(withHash(line, hashOfPart(JSON.parse(relinked.at(-1) ?? ''))))
      }
      const forged: readonly [string, RegExp][] = [
        [text.replace('"Alice"', '"Alicia"'), /does not follow/],
        [[...relinked, lines.at(-1)].join('\n'), /of other parts/],
        [lines.slice(0, -1).join('\n'), /no seal/],
        [[...lines.slice(0, -2), lines.at(-1)].join('\n'), /parts, the file has/],
        [[lines.at(-1), ...lines].join('\n'), /behind the seal/],
        [`${text.trimEnd().slice(0, -6)}AAAA"}`, /none of these keys/],
      ]
      for (const [content, fault] of forged) {
        await writeFile(file, content)
        assert.match((await verifyExportFile(file, keys)).faults.join('; '), fault)
      }
      assert.equal((await run('verify', file)).code, 1)
    })

    test("nobody is given another's, and the scopes are held to", async () => {
      const { wire } = await exportOf('mem_alice', 'mem_alice', 'member')
      for (const path of [`/v1/exports/${wire.id}`, `/v1/exports/${wire.id}/parts/1`, '/v1/exports?member=mem_alice'])
        assertRefused(await calls.call('mem_bob', 'GET', path), 'not_found')
      assertRefused(
        await calls.call('mem_alice', 'POST', '/v1/exports', { body: {}, scope: 'members:read exports:read' }),
        'insufficient_scope',
      )
      const body = { audience: 'operator', reason }
      const path = '/v1/members/mem_alice/exports'
      assertRefused(await calls.call('mem_alice', 'POST', path, { body, scope: 'members:export' }), 'policy_denied')
      assertRefused(
        await calls.call('operator', 'POST', path, { body, scope: 'operator members:read' }),
        'insufficient_scope',
      )
      assertRefused(await calls.call('operator', 'POST', '/v1/members/mem_none/exports', { body }), 'not_found')
      assertRefused(await calls.call('operator', 'POST', '/v1/exports', { body: {} }), 'not_found')
    })

    test('a member who is frozen changes nothing, and is exported all the same', async () => {
      const { body: standing } = await calls.call('operator', 'GET', '/v1/standings/mem_bob')
      const headers = { 'if-match': `"${standing.version}"` }
      const change = { body: { status: 'frozen', reason: 'ticket 12' }, headers }
      assert.equal((await calls.call('operator', 'PATCH', '/v1/standings/mem_bob', change)).status, 200)
      await eventually('the freeze at the edge', async () => {
        const body = { url: 'http://127.0.0.1:9/hook', events: ['*'] }
        return (await calls.call('mem_bob', 'POST', '/v1/webhook-endpoints', { body })).status === 403
      })
      const own = await exportOf('mem_bob', 'mem_bob', 'member')
      assert.deepEqual(
        own.section('standings').map(({ status }) => status),
        ['frozen', 'active'],
      )
      assert.doesNotMatch(JSON.stringify(own), /ticket 12/)
      const { body: told } = await calls.call('mem_bob', 'GET', '/v1/events?limit=100')
      assert.ok(told.items.some(({ type, data }: Part) => type === 'export.ready' && data.export === own.wire.id))
    })

    test('an erasure takes the exports along; one that is made afterwards says what is gone and what stays', async () => {
      const before = await exportOf('operator', 'mem_bob', 'operator')
      const { body: under } = await begin('operator', 'mem_bob', 'member')
      const erased = await calls.call('operator', 'POST', '/v1/members/mem_bob/erase', { body: { reason } })
      assert.equal(erased.status, 200, erased.text)
      for (const id of [before.wire.id, under.id]) {
        const { body } = await calls.call('operator', 'GET', `/v1/exports/${id}`)
        assert.equal(body.state, 'destroyed')
        assertRefused(await calls.call('operator', 'GET', `/v1/exports/${id}/parts/1`), 'conflict')
      }
      const left = await exportOf('operator', 'mem_bob', 'operator')
      assert.deepEqual(left.section('record')[0].fields.name, null)
      assert.deepEqual(
        left.section('keys').map(({ state }) => state),
        ['destroyed'],
      )
      assert.deepEqual(left.section('endpoints'), [])
      assert.deepEqual(left.section('entries'), before.section('entries'))
      const manifest = JSON.parse(Buffer.from(left.wire.seal.split('.')[1], 'base64url').toString())
      assert.equal(manifest.erased.at, erased.body.erased.at)
      assert.doesNotMatch(JSON.stringify(left), /"Bob"/)
    })
  })
}

const MEMBER_SCOPE = 'exports:read exports:write events:read'

/** Members' usual tokens are for no exports: those for them were asked for to that end. */
function withExports(calls: EdgeCalls): EdgeCalls {
  return {
    ...calls,
    call: (who, method, target, options = {}) => {
      const scope = who !== null && who !== 'operator' && target.startsWith('/v1/exports') ? MEMBER_SCOPE : undefined
      return calls.call(who, method, target, scope === undefined ? options : { scope, ...options })
    },
  }
}

/** What members and operators do, so that there is something of each kind. */
async function aDayOf(calls: EdgeCalls): Promise<void> {
  const made = async (answer: Promise<{ status: number; text: string; body: Part }>, status = 201) => {
    const { body, ...told } = await answer
    assert.equal(told.status, status, told.text)
    return body
  }
  const operate = (path: string, body: object, key?: string) =>
    made(calls.call('operator', 'POST', path, { body, ...(key === undefined ? {} : { key }) }))
  const hook = { url: 'http://127.0.0.1:9/hook', events: ['export.ready'] }
  await made(calls.call('mem_alice', 'POST', '/v1/webhook-endpoints', { body: hook }))
  await made(calls.transfer('12.00'))
  await made(calls.transfer('60000.00', { reference: 'rent' }), 202)
  await made(calls.transfer('95000.00'), 403)
  await operate('/v1/accounts/acc_alice/credit-lines', { creditLine: cny('10.00'), reason: 'long known' })
  await operate('/v1/withdrawals', { account: 'acc_alice', amount: cny('5.00'), reference: 'cash' })
  await eventually('the open case', async () => {
    const { body } = await calls.operate('operator', 'GET', '/v1/cases?state=open')
    return body.items?.length > 0
  })
  await eventually('the lines', async () => {
    const closing = { member: 'mem_alice', currency: 'CNY', cutOff: new Date().toISOString() }
    const { body } = await calls.call('operator', 'POST', '/v1/settlement-batches', { body: closing })
    return body.lines > 0
  })
}
