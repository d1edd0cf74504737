import { randomBytes } from 'node:crypto'
import type { Express } from 'express'
import supertest from 'supertest'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { parseIdempotencyKey } from '../../src/kernel/idempotency-key.ts'
import type { KeyRing } from '../../src/platform/key-file.ts'
import { PASSPORT_HEADER, type PassportClaims, type PassportKeys, signPassport } from '../../src/platform/passport.ts'

/** Passport keys for a test: one per service name, made on first use. */
export function testPassportKeys(): PassportKeys {
  const secret = randomBytes(32)
  return () => [{ kid: 'test', secret }]
}

/** Key-encryption keys for a test. */
export function testKeyRing(): KeyRing {
  const secret = randomBytes(32)
  return () => [{ kid: 'test', secret }]
}

export type Claims = Partial<PassportClaims>

export const asMember = (member: string): Claims => ({
  principal: { kind: 'member', id: member, member, scopes: [] },
})
export const asOperator: Claims = { principal: { kind: 'operator', id: 'op_olga', scopes: ['operator'] } }
export const asService = (id: string): Claims => ({ principal: { kind: 'service', id } })
export const asAnonymous: Claims = { principal: { kind: 'anonymous' } }

/** Calls a service's app, or the service at an origin, over a real socket (supertest) with a valid passport for each request. */
export function createCaller(app: Express | string, service: string, keys: PassportKeys, clock: Clock = systemClock) {
  return (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    target: string,
    claims: Claims,
    options: { readonly body?: unknown; readonly xml?: Uint8Array; readonly headers?: Record<string, string> } = {},
  ) => {
    const json = options.body === undefined ? '' : JSON.stringify(options.body)
    const body = options.xml === undefined ? Buffer.from(json) : Buffer.from(options.xml)
    const key = parseIdempotencyKey(options.headers?.['idempotency-key'])
    const idempotencyKey = key.kind === 'key' ? key.key : null
    const passport = signPassport(
      keys,
      clock,
      service,
      { method, target, body, idempotencyKey },
      {
        principal: { kind: 'anonymous' },
        assessment: null,
        receipt: 'rcp_test',
        ...claims,
      },
    )
    const verb = method.toLowerCase() as 'get' | 'post' | 'patch' | 'delete'
    const call = supertest(app)
      [verb](target)
      .set(PASSPORT_HEADER, passport)
      .set(options.headers ?? {})
    if (options.xml !== undefined) return call.set('content-type', 'application/xml').send(body.toString())
    return options.body === undefined ? call : call.set('content-type', 'application/json').send(body.toString())
  }
}
