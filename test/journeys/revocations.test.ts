import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { decodeJwt } from 'jose'
import { type Platform, startPlatform } from '../../src/main.ts'
import { addressesFrom } from '../../src/platform/addresses.ts'
import { issueToken } from '../../src/sandbox/identity-provider.ts'
import { assertRefused, type EdgeCalls, edgeCalls, eventually, transferOf } from '../support/edge-calls.ts'
import { type PreparedPlatform, prepareTestPlatform, urlsOf } from '../support/platform.ts'
import { startTidegate, type TidegateProcess } from '../support/tidegate-process.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'
const READY_MS_MAX = 60_000
const IN_FORCE_MS_MAX = 1_000

describe('two edges, and membership in a process of its own', { skip }, () => {
  const folders: PreparedPlatform[] = []
  const platforms: Platform[] = []
  const edges: EdgeCalls[] = []
  let keys: string
  let membership: TidegateProcess

  before(async () => {
    keys = await mkdtemp(join(tmpdir(), 'tidegate-keys-'))
    const config = (text: string) => text.replaceAll(/\$\{data}\/keys/g, keys)
    const first = await prepareTestPlatform({ database: 'postgres', config })
    const others = Object.entries(addressesFrom(first.environment).urls)
    const second = await prepareTestPlatform({
      database: 'none',
      config,
      environment: Object.fromEntries(
        others.map(([name, url]) => [`TIDEGATE_URL_${name.toUpperCase().replaceAll('-', '_')}`, url]),
      ),
    })
    folders.push(first, second)
    await startMembership()
    const rest = ['sandbox', 'product', 'cash-flow', 'risk', 'settlement', 'edge'] as const
    platforms.push(await startPlatform(first.places, first.environment, rest))
    platforms.push(await startPlatform(second.places, second.environment, ['edge']))
    const issuer = urlsOf(first.environment)['identity-provider']
    const token = async () => (await issueToken(issuer, { operator: 'op_olga' })).access_token
    for (const { environment } of folders) edges.push(edgeCalls({ urls: urlsOf(environment), token }))
  })

  after(async () => {
    for (const platform of platforms.reverse()) await platform.close()
    membership.child.kill('SIGTERM')
    await membership.exited
    for (const folder of folders) await folder.remove()
    await rm(keys, { recursive: true, force: true })
  })

  async function startMembership(): Promise<void> {
    const { environment } = folders[0] as PreparedPlatform
    membership = startTidegate(['start', 'membership'], environment)
    const probe = `${urlsOf(environment).membership}/healthz`
    const isReady = async () => (await fetch(probe).catch(() => null))?.ok
    await eventually('membership is ready', isReady, READY_MS_MAX)
  }

  const memberToken = async () => {
    const { environment } = folders[0] as PreparedPlatform
    return (await issueToken(urlsOf(environment)['identity-provider'], { member: 'mem_alice' })).access_token
  }
  const read = async (edge: EdgeCalls, token: string) =>
    (await edge.call(null, 'GET', '/v1/accounts/acc_alice', { headers: { authorization: `Bearer ${token}` } })).status
  const pay = (edge: EdgeCalls, token: string, key: string) =>
    edge.call(null, 'POST', '/v1/transfers', {
      ...{ headers: { authorization: `Bearer ${token}` }, key, body: transferOf('1.00') },
    })
  const revoke = async (edge: EdgeCalls | undefined, token: string) => {
    const body = { jti: decodeJwt(token).jti, reason: 'a lost phone' }
    assert.equal((await edge?.operate('operator', 'POST', '/v1/revocations', { body }))?.status, 201)
  }
  const readAtBoth = (token: string) => Promise.all(edges.map((edge) => read(edge, token)))
  const isRefusedAtBoth = async (token: string) => (await readAtBoth(token)).every((status) => status === 401)

  test('what one operator revokes is in force at both within a second', async () => {
    const token = await memberToken()
    assert.deepEqual(await readAtBoth(token), [200, 200])
    await revoke(edges[0], token)
    await eventually('both refuse it', () => isRefusedAtBoth(token), IN_FORCE_MS_MAX)
  })

  test('membership is killed: no money moves, the rest is served; back again, it holds all that was revoked', async () => {
    const [token, revoked, untold] = await Promise.all([memberToken(), memberToken(), memberToken()])
    await revoke(edges[1], revoked)
    await eventually('both refuse it', () => isRefusedAtBoth(revoked), IN_FORCE_MS_MAX)
    await revoke(edges[1], untold) // acknowledged, so it is in force one day, whatever happens to whom
    membership.child.kill('SIGKILL')
    await membership.exited
    for (const [index, edge] of edges.entries()) {
      await eventually('it no longer knows', async () => {
        return (await edge.operate('operator', 'GET', '/readyz')).body.revocations.stale
      })
      assertRefused(await pay(edge, token, `away-${index}`), 'dependency_unavailable')
      assert.equal(await read(edge, token), 200)
      assert.equal(await read(edge, revoked), 401, 'what is known stays in force')
    }
    await startMembership()
    for (const [index, edge] of edges.entries()) {
      const isPosted = async () => (await pay(edge, token, `away-${index}`)).status === 201
      await eventually('money moves again', isPosted)
    }
    assert.deepEqual([await isRefusedAtBoth(revoked), await isRefusedAtBoth(untold)], [true, true])
  })

  test('membership is away when an edge starts: no money moves there until it comes', async () => {
    const token = await memberToken()
    membership.child.kill('SIGKILL')
    await membership.exited
    const { places, environment } = folders[1] as PreparedPlatform
    await platforms.pop()?.close()
    platforms.push(await startPlatform(places, environment, ['edge']))
    const [, edge] = edges as [EdgeCalls, EdgeCalls]
    assertRefused(await pay(edge, token, 'at-start'), 'dependency_unavailable')
    assert.equal(await read(edge, token), 200)
    await startMembership()
    await eventually('money moves', async () => (await pay(edge, token, 'at-start')).status === 201)
  })
})
