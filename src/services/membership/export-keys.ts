import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto'
import { CompactSign } from 'jose'
import { type ExportManifest, SEAL } from '../../platform/export-document.ts'
import type { KeyRing, NamedKey } from '../../platform/key-file.ts'

const SEED_BYTES = 32
/** An Ed25519 key in PKCS #8 is this and its seed (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Signs with the newest key, by which whoever has the public half knows who said it. */
export async function sealExport(ring: KeyRing, manifest: ExportManifest): Promise<string> {
  const [newest] = ring() as readonly [NamedKey]
  const payload = new TextEncoder().encode(JSON.stringify(manifest))
  return new CompactSign(payload).setProtectedHeader({ ...SEAL, kid: newest.kid }).sign(privateKeyOf(newest))
}

/** A public key as a JWK (RFC 8037). */
export type PublicJwk = {
  readonly kty: string
  readonly crv: string
  readonly x: string
  readonly kid: string
  readonly alg: string
  readonly use: string
}

/** The public halves, newest first: seals by older keys are good as long as these are in the file. */
export function exportKeys(ring: KeyRing): readonly PublicJwk[] {
  return ring().map((key) => {
    const { kty = '', crv = '', x = '' } = createPublicKey(privateKeyOf(key)).export({ format: 'jwk' })
    return { kty, crv, x, kid: key.kid, alg: SEAL.alg, use: 'sig' }
  })
}

/** What the file holds is a secret of any length; its use here is part of the key (RFC 5869). */
function privateKeyOf({ secret }: NamedKey): KeyObject {
  const seed = new Uint8Array(hkdfSync('sha256', secret, '', 'tidegate exports', SEED_BYTES))
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' })
}
