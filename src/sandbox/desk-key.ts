import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { makeSecretFile, readSecret } from '../platform/secret-file.ts'
import { publicKeyText, readPrivateKey } from '../platform/standard-webhooks.ts'

/** What the review desk signs its decisions with, and the `whpk_…` text by which the platform knows it. */
export type DeskKey = { readonly privateKey: KeyObject; readonly publicKey: string }

const SEED_BYTES = 32

/**
 * The desk's Ed25519 key, kept in `review-desk.whsk` of the folder; whoever comes first makes it, desk or platform.
 * `review-desk.whpk` beside it holds the public half.
 */
export function deskKeyIn(folder: string): DeskKey {
  const path = join(folder, 'review-desk.whsk')
  makeSecretFile(path, newPrivateKeyText)
  const privateKey = readPrivateKey(readSecret(path))
  const publicKey = publicKeyText(privateKey)
  makeSecretFile(join(folder, 'review-desk.whpk'), () => publicKey)
  return { privateKey, publicKey }
}

function newPrivateKeyText(): string {
  const der = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
  return `whsk_${der.subarray(-SEED_BYTES).toString('base64')}`
}
