import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import type { Clock } from '../kernel/clock.ts'

/** Standard Webhooks 1.0.0: the three headers of a signed message. */
export type SignedHeaders = {
  readonly 'webhook-id': string
  readonly 'webhook-timestamp': string
  readonly 'webhook-signature': string
}

/** `v1`: HMAC-SHA256 with a shared secret (`whsec_…`). `v1a`: Ed25519 with a private key, which the verifier has not. */
export type SigningKey =
  | { readonly scheme: 'v1'; readonly secret: string }
  | { readonly scheme: 'v1a'; readonly privateKey: KeyObject }
export type VerifyingKey =
  | { readonly scheme: 'v1'; readonly secret: string }
  | { readonly scheme: 'v1a'; readonly publicKey: KeyObject }

/** A message this much older or younger than our clock is refused. */
const TOLERANCE_S = 300
const SIGNATURES_MAX = 10
const SECRET_BYTES_MIN = 24
const SECRET_BYTES_MAX = 64

/** Signs `id.timestamp.body`, once with each key: two during a rotation. */
export function signWebhook(
  keys: readonly SigningKey[],
  clock: Clock,
  id: string,
  body: string | Uint8Array,
): SignedHeaders {
  const timestamp = String(Math.floor(clock.now() / 1000))
  const content = signedContent(id, timestamp, body)
  const signatures = keys.map((key) =>
    key.scheme === 'v1'
      ? `v1,${createHmac('sha256', secretBytes(key.secret)).update(content).digest('base64')}`
      : `v1a,${sign(null, content, key.privateKey).toString('base64')}`,
  )
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

export type WebhookVerdict =
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly reason: 'missing' | 'stale' | 'wrong' }

/** Accepts a message that any of the keys signed within the tolerance. A signature of another scheme never counts. */
export function verifyWebhook(
  keys: readonly VerifyingKey[],
  clock: Clock,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: Uint8Array,
): WebhookVerdict {
  const [id, timestamp, given] = [headers['webhook-id'], headers['webhook-timestamp'], headers['webhook-signature']]
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof given !== 'string')
    return { ok: false, reason: 'missing' }
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id) || !/^\d{1,12}$/.test(timestamp)) return { ok: false, reason: 'missing' }
  if (Math.abs(clock.now() / 1000 - Number(timestamp)) > TOLERANCE_S) return { ok: false, reason: 'stale' }
  const content = signedContent(id, timestamp, body)
  const signatures = given.split(' ').slice(0, SIGNATURES_MAX)
  const ok = signatures.some((signature) => keys.some((key) => matches(key, signature, content)))
  return ok ? { ok: true, id } : { ok: false, reason: 'wrong' }
}

function matches(key: VerifyingKey, signature: string, content: Buffer): boolean {
  const [scheme, encoded = ''] = signature.split(',', 2)
  if (scheme !== key.scheme) return false
  const bytes = Buffer.from(encoded, 'base64')
  if (key.scheme === 'v1a') return bytes.length === 64 && verify(null, content, key.publicKey, bytes)
  const expected = createHmac('sha256', secretBytes(key.secret)).update(content).digest()
  return bytes.length === expected.length && timingSafeEqual(bytes, expected)
}

function signedContent(id: string, timestamp: string, body: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${id}.${timestamp}.`), Buffer.from(body)])
}

/** `whsec_` and base64 of 24–64 bytes. @throws Error on anything else: a short secret is a hole, not a setting */
function secretBytes(secret: string): Buffer {
  const bytes = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.alloc(0)
  if (bytes.length < SECRET_BYTES_MIN || bytes.length > SECRET_BYTES_MAX) throw new Error('not a webhook secret')
  return bytes
}

const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex')

/** `whsk_` and base64 of the 32-byte Ed25519 seed (a 64-byte form has the public key behind it). */
export function readPrivateKey(text: string): KeyObject {
  const bytes = keyBytes(text, 'whsk_').subarray(0, 32)
  return createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, bytes]), format: 'der', type: 'pkcs8' })
}

/** `whpk_` and base64 of the 32-byte Ed25519 public key. */
export function readPublicKey(text: string): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_ED25519, keyBytes(text, 'whpk_')]), format: 'der', type: 'spki' })
}

/** The `whpk_…` text of a private key. */
export function publicKeyText(privateKey: KeyObject): string {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return `whpk_${der.subarray(SPKI_ED25519.length).toString('base64')}`
}

function keyBytes(text: string, prefix: 'whsk_' | 'whpk_'): Buffer {
  const bytes = text.startsWith(prefix) ? Buffer.from(text.slice(prefix.length), 'base64') : Buffer.alloc(0)
  if (bytes.length !== 32 && !(prefix === 'whsk_' && bytes.length === 64)) throw new Error(`not a ${prefix} key`)
  return bytes
}
