import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'

export const ALGORITHM = 'ES256'

/** What signs tokens, and its public half as it stands in the key set (RFC 7517). */
export type SigningKey = { readonly kid: string; readonly privateKey: CryptoKey; readonly publicJwk: JWK }

/** The key in `identity-provider.json` of the folder; made at the first start, so that tokens survive a restart. */
export async function signingKeyIn(folder: string): Promise<SigningKey> {
  const path = join(folder, 'identity-provider.json')
  const jwk = (await readKey(path)) ?? (await makeKey(folder, path))
  const { d: _private, ...publicPart } = jwk
  const kid = await calculateJwkThumbprint(publicPart)
  return {
    kid,
    privateKey: (await importJWK(jwk, ALGORITHM)) as CryptoKey,
    publicJwk: { ...publicPart, kid, alg: ALGORITHM, use: 'sig' },
  }
}

async function readKey(path: string): Promise<JWK | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as JWK
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function makeKey(folder: string, path: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  const jwk = await exportJWK(privateKey)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(path, JSON.stringify(jwk), { flag: 'wx', mode: 0o600 })
  return jwk
}
