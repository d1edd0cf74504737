import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { CompactEncrypt, type CryptoKey, compactDecrypt, importJWK, type JWK } from 'jose'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../platform/log.ts'

/** A value that only the holder of the security team's private key can read. All texts are base64url. */
export type Sealed = {
  /** The name of its content key. */
  readonly key: string
  readonly iv: string
  /** AES-256-GCM (NIST SP 800-38D) of the value as JSON, its tag behind it; bound to the receipt it was sealed for. */
  readonly text: string
}

/** A content key, sealed to the public key as a compact JWE (RFC 7516): as it stands in the decision log. */
export type ContentKey = { readonly contentKey: string; readonly jwe: string }

export interface Sealer {
  /** Symmetric, so cheap: what is asymmetric was done once for the content key. */
  seal(receipt: string, value: unknown): { readonly sealed: Sealed; readonly contentKey: ContentKey }
}

const CONTENT_KEY_MS_MAX = 3_600_000
const IV_BYTES = 12
const TAG_BYTES = 16
/** RFC 7518, sections 4.6 and 5.3. */
const ALGORITHM = { alg: 'ECDH-ES+A256KW', enc: 'A256GCM' } as const

type Content = ContentKey & { readonly secret: Buffer; readonly until: number }

/**
 * Seals to a public key. A content key serves for an hour, far below the 2^32 random nonces that one may see; the next
 * one is made while the last still serves. @throws Error when the key is none that can be sealed to
 */
export async function createSealer(publicKey: JWK, clock: Clock, log: Log): Promise<Sealer> {
  const key = await importKey(publicKey)
  let current = await newContentKey(key, publicKey.kid, clock)
  let renewing = false
  const renew = async (): Promise<void> => {
    renewing = true
    try {
      current = await newContentKey(key, publicKey.kid, clock)
    } catch (err) {
      log.error({ err }, 'decision log: no new content key; the last one goes on')
    } finally {
      renewing = false
    }
  }
  return {
    seal(receipt, value) {
      const { secret, contentKey, jwe, until } = current
      if (clock.now() >= until && !renewing) void renew()
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', secret, iv).setAAD(Buffer.from(receipt))
      const text = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final(), cipher.getAuthTag()])
      const sealed = { key: contentKey, iv: iv.toString('base64url'), text: text.toString('base64url') }
      return { sealed, contentKey: { contentKey, jwe } }
    },
  }
}

/** Opens what was sealed for a receipt. @throws Error when the key is another one or anything was changed */
export async function unseal(receipt: string, sealed: Sealed, jwe: string, privateKey: JWK): Promise<unknown> {
  const options = { keyManagementAlgorithms: [ALGORITHM.alg], contentEncryptionAlgorithms: [ALGORITHM.enc] }
  const { plaintext: secret } = await compactDecrypt(jwe, await importKey(privateKey), options)
  const text = Buffer.from(sealed.text, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', secret, Buffer.from(sealed.iv, 'base64url'), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(Buffer.from(receipt)).setAuthTag(text.subarray(-TAG_BYTES))
  const plain = Buffer.concat([decipher.update(text.subarray(0, -TAG_BYTES)), decipher.final()])
  return JSON.parse(plain.toString('utf8'))
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, ALGORITHM.alg)
  if (key instanceof Uint8Array) throw new Error('a key that receipts are sealed to is an EC or OKP key (RFC 7517)')
  return key
}

async function newContentKey(key: CryptoKey, kid: string | undefined, clock: Clock): Promise<Content> {
  const secret = randomBytes(32)
  const jwe = await new CompactEncrypt(secret)
    .setProtectedHeader({ ...ALGORITHM, ...(kid === undefined ? {} : { kid }) })
    .encrypt(key)
  return { contentKey: randomBytes(9).toString('base64url'), jwe, secret, until: clock.now() + CONTENT_KEY_MS_MAX }
}
