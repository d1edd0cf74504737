import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../src/kernel/clock.ts'
import { operationIdOf } from '../../../src/kernel/operation-id.ts'
import { listenDoor } from '../../../src/platform/door.ts'
import { PASSPORT_HEADER, signPassport } from '../../../src/platform/passport.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, type CashFlowUnderTest, fromAlice, key, openCashFlow } from './cash-flow.ts'

onEachStore('a command whose caller hangs up', (store) => {
  let under: CashFlowUnderTest
  let server: Server
  let underWay = 0
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false, aheadMin: 128 })
    server = await listenDoor(under.app, '127.0.0.1', 0)
    server.on('request', (_request, response) => {
      underWay += 1
      response.once('close', () => {
        underWay -= 1
      })
    })
  })
  after(async () => {
    await under.close()
    server.closeAllConnections()
    server.close()
  })

  /** A transfer of 1.00 under a key, over a connection of its own that `signal` cuts; its status. */
  const transfer = async (name: string, signal: AbortSignal) => {
    const target = '/v1/transfers'
    const body = Buffer.from(JSON.stringify(fromAlice('1.00')))
    const principal = alice.principal ?? { kind: 'anonymous' as const }
    const claims = { principal, assessment: null, receipt: null }
    const request = { method: 'POST', target, body, idempotencyKey: name }
    const passport = signPassport(under.keys, systemClock, 'cash-flow', request, claims)
    const { port } = server.address() as AddressInfo
    const headers = { ...key(name), [PASSPORT_HEADER]: passport, 'content-type': 'application/json' }
    const answer = await fetch(`http://127.0.0.1:${port}${target}`, { method: 'POST', headers, body, signal })
    await answer.arrayBuffer()
    return answer.status
  }

  /** Sends it twice: once the one is refused as running, the other is taken. That one's status comes later. */
  const taken = async (name: string, signal: AbortSignal): Promise<{ status: Promise<number> }> => {
    const both = [transfer(name, signal), transfer(name, signal)]
    const first = await Promise.race(both.map((status, index) => status.then((value) => ({ value, index }))))
    assert.equal(first.value, 409)
    return { status: both[1 - first.index] as Promise<number> }
  }

  test('before its turn has no effect, and the same request again has it once', async (t) => {
    const [locked, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const busy = under.database.transaction(async (sql) => {
      // Nobody reads it or writes there: a batch that was begun does not end, and no other one is begun for a single command.
      await sql.query('LOCK TABLE balance IN ACCESS EXCLUSIVE MODE')
      locked.resolve()
      await release.promise
    })
    t.after(() => release.resolve())
    await locked.promise
    const running = await taken('stays', new AbortController().signal)
    const caller = new AbortController()
    const waiting = await taken('leaves', caller.signal)
    caller.abort()
    await assert.rejects(waiting.status, { name: 'AbortError' })
    while (underWay > 1) await sleep(10) // until the door has seen it too
    release.resolve()
    await busy
    assert.equal(await running.status, 201)

    const operation = `/v1/operations/${operationIdOf('mem_alice', 'leaves')}`
    const unknown = await under.call('GET', operation, alice)
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'not_found'])
    assert.match(unknown.body.detail, /same request with the same Idempotency-Key/)
    const again = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('1.00'), headers: key('leaves') })
    assert.deepEqual([again.status, again.headers['idempotency-replayed']], [201, undefined])
    const account = await under.call('GET', '/v1/accounts/acc_alice', alice)
    assert.equal(account.body.balance.posted.value, '998.00')
  })
})
