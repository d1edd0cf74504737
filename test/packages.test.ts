import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { importsOf } from './support/tidy.ts'

/** Where each of the seven packages does its work, and the behaviour test that fails when it is taken out. */
const ROLES: Readonly<
  Record<string, { readonly works: readonly string[]; readonly test: string; readonly name: string }>
> = {
  express: {
    works: ['src/edge/operator.ts', 'src/platform/door.ts'],
    test: 'test/platform/door.test.ts',
    name: 'takes a captured call with the Idempotency-Key it was signed with',
  },
  helmet: {
    works: ['src/edge/stages/reply.ts', 'src/edge/operator.ts'],
    test: 'test/journeys/policies.test.ts',
    name: 'the security headers (helmet) stand on every answer',
  },
  'express-rate-limit': {
    works: ['src/edge/operator-limit.ts', 'src/edge/stages/admit.ts'],
    test: 'test/edge/operator-limit.test.ts',
    name: 'an address whose credentials were refused too often is refused whatever it brings',
  },
  jose: {
    works: ['src/edge/token-verifier.ts', 'src/sandbox/identity-provider.ts'],
    test: 'test/edge/refused-callers.test.ts',
    name: 'the token that the others are made from is good',
  },
  'http-proxy-middleware': {
    works: ['src/edge/stream-forwarder.ts'],
    test: 'test/journeys/transfers.test.ts',
    name: 'approved by the desk it is posted, and everyone is told once',
  },
  opossum: {
    works: ['src/platform/breaker-window.ts'],
    test: 'test/edge/parts-away.test.ts',
    name: 'the breaker (opossum) opens after failures',
  },
  supertest: {
    works: ['test/support/caller.ts', 'test/support/edge-calls.ts'],
    test: 'test/services/product/product.test.ts',
    name: 'is written by whom the edge lets, and by no service',
  },
}

describe('the seven packages', () => {
  for (const [name, { works, test: file, name: behaviour }] of Object.entries(ROLES)) {
    test(`${name} works in ${works.join(' and ')}, and ${file} shows it`, () => {
      for (const path of works)
        assert.ok(importsOf(readFileSync(path, 'utf8')).includes(name), `${path} imports ${name}`)
      assert.ok(readFileSync(file, 'utf8').includes(behaviour), `${file} has the test "${behaviour}"`)
    })
  }
})
