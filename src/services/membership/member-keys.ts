import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Json } from '../../kernel/canonical-json.ts'
import { Problem } from '../../kernel/problem.ts'
import type { KeyRing, NamedKey } from '../../platform/key-file.ts'
import type { MemberFields } from './schema.ts'

/** A member's key as it is kept: under a key-encryption key, `kek` by name. */
export type WrappedKey = { readonly member: string; readonly kek: string; readonly wrapped: string }

/** A member's fields as they are kept; both in base64url. */
export type SealedFields = { readonly iv: string; readonly text: string }

const CIPHER = 'aes-256-gcm' // NIST SP 800-38D
const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

/** A new key for a member, and how it is kept: wrapped by the newest key-encryption key. */
export function newMemberKey(ring: KeyRing, member: string): { readonly key: Uint8Array; readonly kept: WrappedKey } {
  const key = randomBytes(KEY_BYTES)
  return { key, kept: wrap(ring, member, key) }
}

/** @throws Problem `dependency_unavailable` when the key that wraps it is not in the file; Error when it was changed */
export function unwrap(ring: KeyRing, { member, kek, wrapped }: WrappedKey): Uint8Array {
  const wrapping = ring(kek).find(({ kid }) => kid === kek)
  if (wrapping === undefined) {
    const cause = new Error(`the key-encryption key ${kek} is not in the file, and members' keys are wrapped by it`)
    throw new Problem('dependency_unavailable', { detail: 'a key that this answer needs is not there', cause })
  }
  const [iv, text] = wrapped.split('.')
  return decrypt(encryptionKeyOf(wrapping), { iv: iv ?? '', text: text ?? '' }, nameOf(member))
}

/** The same key under the newest key-encryption key. @throws as `unwrap` */
export function rewrap(ring: KeyRing, kept: WrappedKey): WrappedKey {
  return wrap(ring, kept.member, unwrap(ring, kept))
}

/** Fields that only this key opens, as those of this version of this member alone. */
export function sealFields(key: Uint8Array, member: string, version: number, fields: MemberFields): SealedFields {
  return encrypt(key, Buffer.from(JSON.stringify(fields)), nameOf(member, version))
}

/** @throws Error when they were changed, or are another version's or another member's */
export function openFields(key: Uint8Array, member: string, version: number, stored: Json): MemberFields {
  const plain = decrypt(key, stored as SealedFields, nameOf(member, version))
  return JSON.parse(plain.toString('utf8')) as MemberFields
}

/** A part of an export, gzipped; only the key that the export names opens it, as that part of that export alone. */
export function sealPart(key: Uint8Array, exported: string, number: number, part: string): SealedFields {
  return encrypt(key, gzipSync(part), nameOf('export', exported, number))
}

/** @throws Error when it was changed, or is another part's or another export's */
export function openPart(key: Uint8Array, exported: string, number: number, sealed: SealedFields): string {
  return gunzipSync(decrypt(key, sealed, nameOf('export', exported, number))).toString('utf8')
}

function wrap(ring: KeyRing, member: string, key: Uint8Array): WrappedKey {
  const [newest] = ring() as readonly [NamedKey]
  const { iv, text } = encrypt(encryptionKeyOf(newest), key, nameOf(member))
  return { member, kek: newest.kid, wrapped: `${iv}.${text}` }
}

/** What the file holds is a secret of any length; its use here is part of the key (RFC 5869). */
function encryptionKeyOf({ secret }: NamedKey): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', 'tidegate member keys', KEY_BYTES))
}

/** What a text is bound to, so that none can be put in another's place. */
function nameOf(...parts: readonly (string | number)[]): Buffer {
  return Buffer.from(JSON.stringify(parts))
}

function encrypt(key: Uint8Array, plain: Uint8Array, name: Buffer): SealedFields {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, key, iv).setAAD(name)
  const text = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return { iv: iv.toString('base64url'), text: text.toString('base64url') }
}

function decrypt(key: Uint8Array, { iv, text }: SealedFields, name: Buffer): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  const decipher = createDecipheriv(CIPHER, key, Buffer.from(iv, 'base64url'), { authTagLength: TAG_BYTES })
  decipher.setAAD(name).setAuthTag(bytes.subarray(-TAG_BYTES))
  return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()])
}
