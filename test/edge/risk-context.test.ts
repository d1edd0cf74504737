import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Inspected } from '../../src/edge/exchange.ts'
import { readRiskContext } from '../../src/edge/risk-context.ts'

const request = (headers: Record<string, string>, claims: Record<string, unknown>) =>
  ({ headers: new Map(Object.entries(headers)), caller: { claims } }) as unknown as Inspected

test('device, session and level are read from where the configuration says', () => {
  const sources = { device: { header: 'x-device-id' }, session: { claim: 'sid' }, level: { claim: 'level' } }
  assert.deepEqual(readRiskContext(sources, request({ 'x-device-id': 'd-1' }, { sid: 's-1', level: 'gold' })), {
    device: 'd-1',
    session: 's-1',
    level: 'gold',
  })
})

test('what is not there, not asked for or no name is not known', () => {
  const sources = { device: { header: 'x-device-id' }, session: { claim: 'sid' } }
  const unknown = { device: '', session: '', level: '' }
  assert.deepEqual(readRiskContext(sources, request({}, {})), unknown)
  assert.deepEqual(readRiskContext({}, request({ 'x-device-id': 'd-1' }, { level: 'gold' })), unknown)
  assert.deepEqual(readRiskContext(sources, request({ 'x-device-id': 'x'.repeat(129) }, { sid: ['s'] })), unknown)
  assert.deepEqual(readRiskContext(sources, request({ 'x-device-id': 'a\u0000b' }, { sid: 7 })), unknown)
})
