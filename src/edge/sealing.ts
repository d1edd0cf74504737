import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { CompactEncrypt, type CryptoKey, compactDecrypt, importJWK, type JWK } from 'jose'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../platform/log.ts'
import { textBuffer } from './text-buffer.ts'

/**
 * An envelope: facts of several receipts that only the holder of the security team's private key can read. All texts are
 * base64url.
 */
export type Sealed = {
  /** Its nonce, and so its name. */
  readonly envelope: string
  /** The name of its content key. */
  readonly key: string
  /** AES-256-GCM (NIST SP 800-38D) of a JSON object, a receipt's value under its id; the tag behind it. */
  readonly text: string
}

/** A content key, sealed to the public key as a compact JWE (RFC 7516): as it stands in the decision log. */
export type ContentKey = { readonly contentKey: string; readonly jwe: string }

export interface Sealer {
  /** @param bytesUsual of what it will hold */
  open(bytesUsual: number): Envelope
}

/** Takes in what is then sealed in one piece: a cipher costs more to set up than it takes to run over a hundred receipts. */
export interface Envelope {
  readonly name: string
  /** `json`: the receipt's value, as text. */
  add(receipt: string, json: string): void
  /** Bytes so far. */
  size(): number
  seal(): { readonly sealed: Sealed; readonly contentKey: ContentKey }
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
    open(bytesUsual) {
      const nonce = randomBytes(IV_BYTES)
      const name = nonce.toString('base64url')
      const members = textBuffer(bytesUsual)
      return {
        name,
        add(receipt, json) {
          members.add(`${members.size() === 0 ? '{' : ','}${JSON.stringify(receipt)}:${json}`)
        },
        size: members.size,
        seal() {
          const { secret, contentKey, jwe, until } = current
          if (clock.now() >= until && !renewing) void renew()
          const cipher = createCipheriv('aes-256-gcm', secret, nonce)
          members.add(members.size() === 0 ? '{}' : '}')
          const text = Buffer.concat([cipher.update(members.take()), cipher.final(), cipher.getAuthTag()])
          const sealed = { envelope: name, key: contentKey, text: text.toString('base64url') }
          return { sealed, contentKey: { contentKey, jwe } }
        },
      }
    },
  }
}

/** A receipt's value from its envelope. @throws Error when the key is another one, anything was changed, or it is not in it */
export async function unseal(receipt: string, sealed: Sealed, jwe: string, privateKey: JWK): Promise<unknown> {
  const options = { keyManagementAlgorithms: [ALGORITHM.alg], contentEncryptionAlgorithms: [ALGORITHM.enc] }
  const { plaintext: secret } = await compactDecrypt(jwe, await importKey(privateKey), options)
  const text = Buffer.from(sealed.text, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', secret, Buffer.from(sealed.envelope, 'base64url'), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAuthTag(text.subarray(-TAG_BYTES))
  const plain = Buffer.concat([decipher.update(text.subarray(0, -TAG_BYTES)), decipher.final()])
  const values = JSON.parse(plain.toString('utf8')) as Record<string, unknown>
  if (!Object.hasOwn(values, receipt)) throw new Error(`nothing of ${receipt} is in this envelope`)
  return values[receipt]
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
