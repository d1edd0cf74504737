import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import type { JWK } from 'jose'

const KID = 'bench'
const LIFETIME_S = 3_600

export type TokenMaker = {
  readonly publicJwk: JWK
  /** A signed access token (RFC 9068) of the issuer for a member of this number. */
  make(issuer: string, member: number, scope: string): string
}

/** Makes ES256 tokens with a key of its own. */
export function createTokenMaker(): TokenMaker {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const header = encoded({ alg: 'ES256', typ: 'at+jwt', kid: KID })
  return {
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid: KID, use: 'sig', alg: 'ES256' },
    make(issuer, member, scope) {
      const iat = Math.floor(Date.now() / 1_000)
      const claims = { iss: issuer, aud: 'tidegate', sub: `mem_bench${member}`, client_id: 'bench', scope }
      const text = `${header}.${encoded({ ...claims, iat, exp: iat + LIFETIME_S, jti: randomUUID() })}`
      const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }) // RFC 7518, 3.4
      return `${text}.${signature.toString('base64url')}`
    },
  }
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
