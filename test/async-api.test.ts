import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { checkOf } from '../src/platform/schema.ts'
import { cashFlowEvents } from '../src/services/cash-flow/event-schema.ts'
import { alice, cny, fromAlice, held, key, openCashFlow, untilState } from './services/cash-flow/cash-flow.ts'
import { asyncApiDocuments } from './support/async-api-documents.ts'
import { asOperator } from './support/caller.ts'
import { openFreshPglite } from './support/stores.ts'

describe('the AsyncAPI documents in config/asyncapi', () => {
  for (const [service, document] of Object.entries(asyncApiDocuments())) {
    it(`are what the schemas of ${service} say: else run \`npm run asyncapi\``, () => {
      const kept: unknown = JSON.parse(readFileSync(`config/asyncapi/${service}.json`, 'utf8'))
      assert.deepEqual(kept, JSON.parse(JSON.stringify(document)))
    })
  }

  it('are true of what cash flow tells', async () => {
    const under = await openCashFlow(await openFreshPglite())
    const post = async (name: string, body: object, claims = alice, headers = {}) =>
      (await under.call('POST', '/v1/transfers', claims, { body, headers: { ...key(name), ...headers } })).body
    const { id } = await post('plain', fromAlice('1.00'))
    await under.call('POST', `/v1/transfers/${id}/reverse`, asOperator, { body: {}, headers: key('back') })
    const later = await post('later', fromAlice('1.00'), alice, { prefer: 'respond-async' })
    await untilState(under, later.operation, 'succeeded')
    await untilState(
      under,
      (await post('poor', fromAlice('99999.00'), alice, { prefer: 'respond-async' })).operation,
      'failed',
    )
    const pending = await post('pending', fromAlice('2.00', { pending: true }))
    await under.call('POST', `/v1/transfers/${pending.transfer ?? pending.id}/void`, alice, { headers: key('void') })
    await post('held', fromAlice('3.00'), held(alice))
    const deposit = { account: 'acc_alice', amount: cny('5.00'), reference: 'salary' }
    await under.call('POST', '/v1/deposits', asOperator, { body: deposit, headers: key('deposit') })
    const events = await under.cashFlow.outbox.read(0n, 1_000, 0)
    await under.close()
    const seen = new Set(events.map(({ type }) => type))
    for (const type of [
      'transfer.posted',
      'operation.succeeded',
      'operation.failed',
      'transfer.held',
      'deposit.posted',
    ])
      assert.ok(seen.has(type), `${type} was told`)
    const told = events.find(({ type }) => type === 'transfer.held')?.data as { judgedBy: unknown }
    assert.deepEqual(told.judgedBy, [{ product: 'prd_basic', version: 1 }])
    for (const { type, data } of events) {
      const schema = cashFlowEvents[type]
      assert.ok(schema !== undefined, `${type} is described`)
      const checked = checkOf(schema.data)(data)
      assert.ok(checked.ok, `${type}: ${checked.ok ? '' : JSON.stringify([checked.faults, data])}`)
    }
  })
})
