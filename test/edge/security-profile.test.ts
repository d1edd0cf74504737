import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { findProfileFaults } from '../../src/edge/security-profile.ts'
import type { Config } from '../../src/platform/config-schema.ts'

const issuer = { issuer: 'https://a.example', jwks: 'https://a.example/jwks', audience: 'payments' }
const tls = { certificate: 'edge.crt', key: 'edge.key' }

function faultsOf(identity: object, edge: object, host = '127.0.0.1'): readonly string[] {
  const good = {
    security: 'fapi2',
    clock_skew_s: 30,
    issuers: [{ ...issuer, algorithms: ['ES256', 'PS256', 'EdDSA'] }],
  }
  const config = { identity: { ...good, ...identity }, edge } as unknown as Config
  return findProfileFaults(config, { host, port: 1 }).map(({ keys }) => keys.join('.'))
}

describe('the profile fapi2', () => {
  test('allows what it asks for, and on loopback plain HTTP', () => {
    assert.deepEqual(faultsOf({}, {}), [])
    assert.deepEqual(faultsOf({}, {}, '::1'), [])
    assert.deepEqual(faultsOf({}, { tls, public_origins: ['https://api.example'] }, '0.0.0.0'), [])
  })

  test('does not allow RS256', () => {
    const issuers = [
      { ...issuer, algorithms: ['ES256'] },
      { ...issuer, algorithms: ['ES256', 'RS256'] },
    ]
    assert.deepEqual(faultsOf({ issuers }, {}), ['identity.issuers.1.algorithms'])
  })

  test('does not allow to refuse clocks that are a little ahead', () => {
    assert.deepEqual(faultsOf({ clock_skew_s: 9 }, {}), ['identity.clock_skew_s'])
    assert.deepEqual(faultsOf({ clock_skew_s: 10 }, {}), [])
  })

  test('asks for TLS, and for names to be known by, on any address but loopback', () => {
    assert.deepEqual(faultsOf({}, {}, '10.0.0.1'), ['edge', 'edge'])
    assert.deepEqual(faultsOf({}, { tls }, '10.0.0.1'), ['edge'])
    assert.deepEqual(faultsOf({}, { tls, public_origins: ['http://api.example'] }, '::'), ['edge'])
    assert.deepEqual(faultsOf({}, { public_origins: ['https://api.example'] }, 'api.example'), ['edge'])
  })

  test('is asked for, or does not hold', () => {
    const issuers = [{ ...issuer, algorithms: ['RS256'] }]
    for (const security of [undefined, 'standard']) assert.deepEqual(faultsOf({ security, issuers }, {}, '0.0.0.0'), [])
  })
})
