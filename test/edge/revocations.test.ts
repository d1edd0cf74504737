import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { passportKeysIn } from '../../src/platform/passport-keys.ts'
import { asMember, asOperator, createCaller } from '../support/caller.ts'
import { runCli } from '../support/cli.ts'
import {
  assertRefused,
  type EdgeCalls,
  edgeCalls,
  eventually,
  movesNothing,
  transferOf,
} from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { openRawSocket, statusesOf } from '../support/raw-socket.ts'
import { type Relay, startRelay } from '../support/relay.ts'

/** What the promise of a second is held to, with room for a busy machine. */
const IN_FORCE_MS_MAX = 1_000

let platform: TestPlatform
let calls: EdgeCalls
let membership: Relay

before(async () => {
  membership = await startRelay()
  platform = await startTestPlatform({ environment: { TIDEGATE_URL_MEMBERSHIP: membership.url } })
  membership.leadTo(platform.urls.membership)
  calls = edgeCalls(platform)
})
after(async () => {
  await platform.close()
  await membership.close()
})
afterEach(() => membership.become('pass'))

const presented = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
const transfer = (token: string, key: string, value = '1.00') =>
  calls.call(null, 'POST', '/v1/transfers', { ...presented(token), key, body: transferOf(value) })
const read = (token: string) => calls.call(null, 'GET', '/v1/accounts/acc_alice', presented(token))
const revoke = async (body: object): Promise<string> => {
  const made = await calls.operate('operator', 'POST', '/v1/revocations', { body: { reason: 'a test', ...body } })
  assert.equal(made.status, 201, made.text)
  return made.body.id
}
const lift = async (id: string): Promise<void> => {
  assert.equal((await calls.operate('operator', 'DELETE', `/v1/revocations/${id}`)).status, 204)
}
const isStale = async (): Promise<boolean> => (await calls.operate('operator', 'GET', '/readyz')).body.revocations.stale
/** Until the next whole second: `iat` has no finer one. */
const nextSecond = () => sleep(1_000 - (Date.now() % 1_000))

describe('a token that was taken back', () => {
  test('by its jti is refused within a second, remembered or not; another of the same member is good', async () => {
    const [token, another] = await Promise.all([platform.token('mem_alice'), platform.token('mem_alice')])
    assert.equal((await read(token)).status, 200, 'it is remembered from now on')
    const id = await revoke({ jti: decodeJwt(token).jti })
    const refused = await eventually(
      'it is refused',
      async () => {
        const answer = await read(token)
        return answer.status === 401 && answer
      },
      IN_FORCE_MS_MAX,
    )
    assertRefused(refused, 'invalid_token')
    assert.equal(refused.headers['www-authenticate'], 'Bearer realm="tidegate", error="invalid_token"')
    assertRefused(await transfer(token, 'revoked'), 'invalid_token')
    assert.equal((await read(another)).status, 200)
    await lift(id)
    await eventually('it is good again', async () => (await read(token)).status === 200, IN_FORCE_MS_MAX)
  })

  test('by its subject goes with all that were issued by then; a later one is good', async () => {
    const token = await platform.token('mem_alice')
    const id = await revoke({ sub: 'mem_alice' })
    await eventually('it is refused', async () => (await read(token)).status === 401, IN_FORCE_MS_MAX)
    await nextSecond()
    assert.equal((await read(await platform.token('mem_alice'))).status, 200)
    assert.equal((await read(token)).status, 401)
    await lift(id)
  })

  test("that is an operator's is refused at the operator API, too", async () => {
    const token = await platform.token('operator')
    const list = () => calls.operate('operator', 'GET', '/v1/revocations', presented(token))
    assert.equal((await list()).status, 200)
    await revoke({ jti: decodeJwt(token).jti })
    await eventually('it is refused', async () => (await list()).status === 401, IN_FORCE_MS_MAX)
  })

  test('ends the streams that it opened, and no others', async () => {
    const [revoked, good] = await Promise.all([platform.token('mem_alice'), platform.token('mem_alice')])
    const held = await transfer(good, 'held', '60000.00')
    const open = async (token: string) => {
      const socket = await openRawSocket(platform.urls.edge)
      const lines = [`GET /v1/operations/${held.body.operation}/events HTTP/1.1`, 'Host: edge.test']
      socket.write([...lines, `Authorization: Bearer ${token}`, '', ''].join('\r\n'))
      await socket.until((received) => received.includes('data:'))
      return socket
    }
    const [ended, other] = [await open(revoked), await open(good)]
    const id = await revoke({ jti: decodeJwt(revoked).jti })
    const revokedAt = performance.now()
    await ended.closed()
    assert.ok(performance.now() - revokedAt < IN_FORCE_MS_MAX)
    assert.equal(await Promise.race([other.closed().catch(() => ''), sleep(200, 'still open')]), 'still open')
    other.destroy()
    await lift(id)
  })

  test('while its body is still on its way moves no money', async () => {
    await movesNothing(calls, async () => {
      const token = await platform.token('mem_alice')
      const body = JSON.stringify(transferOf('1.00'))
      const socket = await openRawSocket(platform.urls.edge)
      const lines = ['POST /v1/transfers HTTP/1.1', 'Host: edge.test', 'Content-Type: application/json']
      lines.push('Idempotency-Key: slow', `Authorization: Bearer ${token}`, `Content-Length: ${body.length}`)
      socket.write([...lines, 'Expect: 100-continue', '', ''].join('\r\n'))
      await socket.until((received) => received.startsWith('HTTP/1.1 100')) // the caller was let in
      const id = await revoke({ jti: decodeJwt(token).jti })
      await eventually('it is refused', async () => (await read(token)).status === 401, IN_FORCE_MS_MAX)
      socket.write(body)
      const received = await socket.until((text) => text.includes('invalid_token'))
      assert.deepEqual(statusesOf(received), [100, 401])
      socket.destroy()
      await lift(id)
    })
  })

  test('can be taken back, seen and given back at the terminal', async () => {
    const token = await platform.token('mem_alice')
    const cli = (...args: string[]) => runCli(['revoke', ...args], platform.environment)
    const made = await cli('--jti', decodeJwt(token).jti ?? '', '--reason', 'a lost phone', '--json')
    assert.equal(made.code, 0, made.stderr)
    const { id, actor } = JSON.parse(made.stdout)
    assert.equal(actor, 'operator:op_local')
    await eventually('it is in force', async () => (await read(token)).status === 401, IN_FORCE_MS_MAX)
    assert.match((await cli('list')).stdout, new RegExp(`${id} .*until .*operator:op_local: a lost phone`))
    assert.equal((await cli('lift', id)).stdout, `${id} is lifted\n`)
    await eventually('it is good again', async () => (await read(token)).status === 200, IN_FORCE_MS_MAX)
    const member = await cli('--member', 'mem_bob', '--until', '2020-01-01T00:00:00Z')
    assert.deepEqual([member.code, member.stdout], [1, ''])
    assert.match(member.stderr, /until.*is over/)
  })
})

describe('an edge that is not told which tokens are revoked', () => {
  test('lets no money move and serves the rest, says so, and knows what it missed once it is told again', async () => {
    const [token, later] = await Promise.all([platform.token('mem_alice'), platform.token('mem_alice')])
    assert.equal(await isStale(), false)
    for (const mode of ['refuse', 'hang'] as const) {
      await membership.become(mode)
      await eventually('its knowledge is too old', isStale)
      const refused = await transfer(token, `stale-${mode}`)
      assertRefused(refused, 'dependency_unavailable')
      assert.ok(refused.headers['retry-after'])
      const vote = await calls.operate('operator', 'POST', '/v1/cases/cas_none/votes', { body: { vote: 'approve' } })
      assert.deepEqual([vote.status, vote.body.code], [503, 'dependency_unavailable'])
      assert.equal((await calls.operate('operator', 'GET', '/v1/cases')).status, 200)
      assert.equal((await read(token)).status, 200)
      assert.equal((await calls.operate('operator', 'GET', '/readyz')).status, 200)
      const { text } = await calls.operate('operator', 'GET', '/metrics')
      assert.ok(Number(/^tidegate_revocations_age_seconds (\S+)$/m.exec(text)?.[1]) > 1.5)
      if (mode === 'hang') await revokeAtMembership(decodeJwt(token).jti ?? '')
      await membership.become('pass')
      await eventually('it is told again', async () => !(await isStale()))
    }
    assert.equal((await read(token)).status, 401)
    assert.equal((await transfer(token, 'missed')).status, 401)
    await eventually('money moves', async () => (await transfer(later, 'stale-refuse')).status === 201)
  })
})

describe('a member who is frozen', () => {
  const stand = async (status: string, level = 0): Promise<void> => {
    const { body } = await calls.call('operator', 'GET', '/v1/standings/mem_bob')
    const options = { headers: { 'if-match': `"${body.version}"` }, body: { status, level, reason: 'a test' } }
    const changed = await calls.call('operator', 'PATCH', '/v1/standings/mem_bob', options)
    assert.equal(changed.status, 200, changed.text)
  }
  let keys = 0
  const body = { ...transferOf('0.01'), from: 'acc_bob', to: 'acc_alice' }
  const pay = () => {
    keys += 1
    return calls.call('mem_bob', 'POST', '/v1/transfers', { key: `bob-${keys}`, body })
  }
  /** Past the edge: cash flow decides by what itself knows. */
  const payPastTheEdge = () => {
    keys += 1
    const options = { body, headers: { 'idempotency-key': `bob-${keys}` } }
    return callerOf('cash-flow')('POST', '/v1/transfers', asMember('mem_bob'), options)
  }
  const posted = async (): Promise<number> =>
    Number((await calls.call('operator', 'GET', '/v1/accounts/acc_bob')).body.balance.posted.value)

  test('while requests are in flight pays nothing more within a second, not past the edge either; he still reads', async () => {
    const before = await posted()
    const answers: { readonly status: number; readonly code?: string; readonly nth: number }[] = []
    let sent = 0
    let running = true
    const clients = Array.from({ length: 4 }, async () => {
      while (running) {
        const nth = ++sent
        const { status, body } = await pay()
        answers.push({ status, code: body.code, nth })
        await sleep(20) // below the member's quota
      }
    })
    await eventually('money moves', async () => answers.some(({ status }) => status === 201))
    await stand('frozen')
    const isRefused = async () => answers.some(({ code }) => code === 'member_not_active')
    await eventually('it is refused', isRefused, IN_FORCE_MS_MAX)
    const sentByThen = sent
    await eventually('more were sent', async () => answers.filter(({ nth }) => nth > sentByThen).length > 20)
    running = false
    await Promise.all(clients)
    for (const { status, code } of answers)
      assert.ok(status === 201 || code === 'member_not_active', `${status} ${code}`)
    assert.deepEqual(new Set(answers.filter(({ nth }) => nth > sentByThen).map(({ status }) => status)), new Set([403]))
    const refused = await pay()
    assertRefused(refused, 'member_not_active')
    assert.deepEqual(refused.body.state, { status: 'frozen' })
    const isRefusedThere = async () => {
      const { status, body } = await payPastTheEdge()
      if (status === 201) answers.push({ status, nth: 0 })
      return status === 403 && body.code === 'member_not_active'
    }
    await eventually('cash flow refuses it, too', isRefusedThere, IN_FORCE_MS_MAX)
    const moved = answers.filter(({ status }) => status === 201).length
    assert.equal(((before - (await posted())) * 100).toFixed(0), String(moved), 'what was answered is what moved')
    assert.equal((await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob')).status, 200)
    await stand('active')
    await eventually('he pays again', async () => (await pay()).status === 201, IN_FORCE_MS_MAX)
  })

  test('or verified opens what a product keeps for his level, within a second', async () => {
    const body = { name: 'Verified', currency: 'CNY', holders: { fromLevel: 1, countries: ['CN'] } }
    const product = await calls.call('operator', 'POST', '/v1/products', { body })
    const account = { member: 'mem_bob', product: product.body.id, currency: 'CNY' }
    const open = () => calls.call('mem_bob', 'POST', '/v1/accounts', { body: account })
    const refused = await open()
    assertRefused(refused, 'terms_not_met')
    assert.deepEqual(refused.body.state, { product: product.body.id, version: 1, term: 'level' })
    await stand('active', 1)
    await eventually('he may', async () => (await open()).status === 201, IN_FORCE_MS_MAX)
    const { body: member } = await calls.call('operator', 'GET', '/v1/members/mem_bob')
    const headers = { 'if-match': `"${member.version}"` }
    await calls.call('operator', 'PATCH', '/v1/members/mem_bob', { headers, body: { country: 'HK' } })
    await eventually('he may not', async () => (await open()).body.state?.term === 'country', IN_FORCE_MS_MAX)
  })

  test('is not paid for by cash flow that is not told who is, until it is told again', async () => {
    await eventually('it knows', async () => (await payPastTheEdge()).status === 201)
    await membership.become('hang')
    await eventually('its knowledge is too old', async () => (await payPastTheEdge()).status === 503)
    await membership.become('pass')
    await eventually('it is told again', async () => (await payPastTheEdge()).status === 201)
  })
})

/** Past the edge, which does not reach it: as another edge would. */
async function revokeAtMembership(jti: string): Promise<void> {
  const body = { jti, reason: 'elsewhere' }
  assert.equal((await callerOf('membership')('POST', '/v1/revocations', asOperator, { body })).status, 201)
}

function callerOf(service: 'membership' | 'cash-flow') {
  const passports = passportKeysIn(join(platform.places.data, 'keys'), false, (error) => assert.ifError(error))
  return createCaller(platform.urls[service], service, passports)
}
