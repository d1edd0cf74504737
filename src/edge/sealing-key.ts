import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { makeSecretFile, readSecret } from '../platform/secret-file.ts'

/** The public key (a JWK) that receipts are sealed to. @throws Error when there is none, or it is a private one */
export function readSealingKey(path: string): JWK {
  const jwk = readJwk(path)
  // Who can write the log could read it all: the private key is kept where no edge runs.
  if ('d' in jwk) throw new Error(`${path} holds a private key; receipts are sealed to the public one`)
  return jwk
}

/** The private key (a JWK) by which sealed facts are read. @throws Error when the file holds none */
export function readUnsealingKey(path: string): JWK {
  const jwk = readJwk(path)
  if (!('d' in jwk)) throw new Error(`${path} holds no private key`)
  return jwk
}

/** Where the private half of a pair lies that we made ourselves: `receipts.public.json`, `receipts.private.json`. */
export function privateKeyBeside(publicPath: string): string {
  return join(dirname(publicPath), basename(publicPath).replace('public', 'private'))
}

/** Makes a pair unless there is one: for a demonstration, where one machine is edge and security team. */
export async function makeSealingKeys(publicPath: string): Promise<void> {
  const privatePath = privateKeyBeside(publicPath)
  if (existsSync(publicPath)) return
  if (privatePath === publicPath) throw new Error(`${publicPath}: a pair is made if the name has \`public\` in it`)
  const { privateKey } = await generateKeyPair('ECDH-ES+A256KW', { extractable: true })
  const made = await exportJWK(privateKey)
  // The public half is read from the private file, so that two who start at once end up with one pair.
  makeSecretFile(privatePath, () => JSON.stringify(made))
  const { d: _, ...half } = readUnsealingKey(privatePath)
  makeSecretFile(publicPath, () => JSON.stringify(half))
}

function readJwk(path: string): JWK {
  let jwk: unknown
  try {
    jwk = JSON.parse(readSecret(path))
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new Error(`${path} is not a JWK (RFC 7517)`, { cause })
  }
  if (typeof jwk !== 'object' || jwk === null || !('kty' in jwk)) throw new Error(`${path} is not a JWK (RFC 7517)`)
  return jwk as JWK
}
