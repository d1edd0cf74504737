import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { exportJWK } from 'jose'

/** Tokens for hostile tests: each part can be anything, which a JWT library would not make. */

export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const AUDIENCE = 'payments'

export async function publicKey(key: KeyObject, kid: string): Promise<object> {
  return { ...(await exportJWK(key)), kid }
}

/** Unix seconds. */
export const nowS = (): number => Math.floor(Date.now() / 1000)
const encoded = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

type Parts = {
  readonly header?: object | string
  readonly claims?: object | string
  readonly sign?: (input: string) => Buffer | string
}

export const es256 = (input: string, key = ec.privateKey) =>
  sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
export const rs256 = (input: string) => sign('sha256', Buffer.from(input), rsa.privateKey)
export const hs256 = (secret: string | Buffer) => (input: string) => createHmac('sha256', secret).update(input).digest()

/** A token that is good in every way but the parts the test gives. A header member or claim that is undefined is left out. */
export function token({ header = {}, claims = {}, sign: signature = es256 }: Parts = {}): string {
  const head = typeof header === 'string' ? header : { alg: 'ES256', typ: 'at+jwt', kid: 'ec-1', ...header }
  const body = typeof claims === 'string' ? claims : { ...goodClaims(), ...claims }
  const input = `${encoded(head)}.${encoded(body)}`
  const made = signature(input)
  return `${input}.${typeof made === 'string' ? made : made.toString('base64url')}`
}

export function goodClaims() {
  return {
    iss: 'https://a.example',
    aud: AUDIENCE,
    sub: 'mem_alice',
    client_id: 'app',
    scope: 'payments',
    iat: nowS(),
    exp: nowS() + 300,
    jti: randomUUID(),
  }
}
