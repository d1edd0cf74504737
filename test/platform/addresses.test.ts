import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { startPlatform } from '../../src/main.ts'
import { addressesFrom, urlOf } from '../../src/platform/addresses.ts'
import { prepareTestPlatform } from '../support/platform.ts'

const LOOPBACK = '127.0.0.1'
const outward = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address

test('everything listens on loopback, on the ports that count from TIDEGATE_PORT', () => {
  const { edge, operator, service, sandbox } = addressesFrom({ TIDEGATE_PORT: '9000' })
  assert.deepEqual([edge, operator], [at(9000), at(9001)])
  assert.deepEqual(Object.values(service), [at(9021), at(9022), at(9023), at(9024), at(9025)])
  assert.deepEqual(Object.values(sandbox), [at(9031), at(9032), at(9033), at(9034)])
})

test('TIDEGATE_HOST opens edge and services; the operator listener wants a word of its own; the sandbox stays in', () => {
  const { edge, operator, service, sandbox } = addressesFrom({ TIDEGATE_HOST: '0.0.0.0' })
  assert.deepEqual([edge.host, service['cash-flow'].host], ['0.0.0.0', '0.0.0.0'])
  assert.deepEqual([operator.host, sandbox['identity-provider'].host], [LOOPBACK, LOOPBACK])
  assert.equal(addressesFrom({ TIDEGATE_OPERATOR_HOST: '0.0.0.0' }).operator.host, '0.0.0.0')
  assert.equal(addressesFrom({ TIDEGATE_OPERATOR_PORT: '9100' }).operator.port, 9100)
  assert.throws(() => addressesFrom({ TIDEGATE_OPERATOR_PORT: 'x' }), /TIDEGATE_OPERATOR_PORT=x is not a port/)
})

test('a part that runs elsewhere is reached where TIDEGATE_URL_NAME says', () => {
  const { urls, service } = addressesFrom({ TIDEGATE_URL_CASH_FLOW: 'http://ledger.internal:8103' })
  assert.equal(urls['cash-flow'], 'http://ledger.internal:8103')
  assert.equal(urls['risk'], urlOf(service.risk))
})

for (const port of ['0', '65510', '80.5', 'http', '']) {
  test(`TIDEGATE_PORT=${JSON.stringify(port)} is refused`, () => {
    assert.throws(() => addressesFrom({ TIDEGATE_PORT: port }), /TIDEGATE_PORT/)
  })
}

const skip = outward === undefined && 'not run: this machine has no address but loopback'

test('probes reach an operator listener on all addresses, and nothing else is opened with it', { skip }, async () => {
  const prepared = await prepareTestPlatform({ environment: { TIDEGATE_OPERATOR_HOST: '0.0.0.0' } })
  const platform = await startPlatform(prepared.places, prepared.environment, ['edge'])
  try {
    const { operator, edge } = platform.addresses
    for (const probe of ['/healthz', '/readyz', '/metrics']) {
      assert.equal((await fetch(`http://${outward}:${operator.port}${probe}`)).status, 200, probe)
    }
    assert.equal((await fetch(`http://${outward}:${operator.port}/v1/policies`)).status, 401)
    await assert.rejects(fetch(`http://${outward}:${edge.port}/v1/members/mem_alice`), TypeError)
  } finally {
    await platform.close()
    await prepared.remove()
  }
})

function at(port: number): { host: string; port: number } {
  return { host: LOOPBACK, port }
}
