import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { es256, nowS, token } from './forged-token.ts'

/** DPoP proofs for hostile tests: each part can be anything, which a DPoP library would not make. */

export const holder = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwkOf = (key: KeyObject) => key.export({ format: 'jwk' })
export const holderJwk = jwkOf(holder.publicKey)
export const jkt = (jwk = holderJwk): Promise<string> => calculateJwkThumbprint(jwk as Record<string, string>)

/** A token bound to the holder's key, good in every way but the claims the test gives. */
export async function boundToken(claims: object = {}): Promise<string> {
  return token({ claims: { cnf: { jkt: await jkt() }, ...claims } })
}

export type ProofParts = {
  readonly header?: object
  readonly claims?: object
  /** Seconds since it was made; below zero by a clock that is ahead. */
  readonly ageS?: number
  readonly sign?: (input: string) => Buffer
}

/** A proof by the holder for `GET http://edge.test/guarded` with this token, good in every way but the parts the test gives. */
export function proofFor(accessToken: string, parts: ProofParts = {}): string {
  const { header = {}, claims = {}, ageS = 0, sign = byHolder } = parts
  const head = { alg: 'ES256', typ: 'dpop+jwt', jwk: holderJwk, ...header }
  const body = { ...goodProof(accessToken), iat: nowS() - ageS, ...claims }
  const input = [head, body].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${sign(input).toString('base64url')}`
}

export const athOf = (accessToken: string): string => createHash('sha256').update(accessToken).digest('base64url')

const byHolder = (input: string): Buffer => es256(input, holder.privateKey)

function goodProof(accessToken: string) {
  return {
    jti: randomUUID(),
    htm: 'GET',
    htu: 'http://edge.test/guarded',
    ath: athOf(accessToken),
  }
}
