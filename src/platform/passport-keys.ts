import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import type { PassportKey, PassportKeys } from './passport.ts'
import { compileSchema } from './schema.ts'
import { makeSecretFile } from './secret-file.ts'

const KeyFile = Type.Array(
  Type.Object(
    { kid: Type.String({ pattern: '^[A-Za-z0-9_-]{1,32}$' }), secret: Type.String() },
    { additionalProperties: false },
  ),
  { minItems: 1, maxItems: 4 },
)

const SECRET_BYTES_MIN = 32
/** A changed file is in force after this long. */
const LOOK_EVERY_MS = 1_000

const checkKeyFile = compileSchema(KeyFile)

/**
 * Passport keys from `passport-SERVICE.json` files in a folder: `[{"kid","secret"}]`, base64, newest first. To rotate, put
 * a new key in front and take the old one away a minute later; no restart. With `generate`, a missing file is made.
 */
export function passportKeysIn(folder: string, generate: boolean): PassportKeys {
  const cache = new Map<string, { keys: readonly PassportKey[]; modifiedMs: number; lookedAt: number }>()
  return (service) => {
    const known = cache.get(service)
    const now = performance.now()
    if (known !== undefined && now - known.lookedAt < LOOK_EVERY_MS) return known.keys
    const path = join(folder, `passport-${service}.json`)
    if (known === undefined && generate) makeSecretFile(path, newKeys)
    const modifiedMs = modifiedAt(path)
    const keys = known?.modifiedMs === modifiedMs ? known.keys : readKeyFile(path)
    cache.set(service, { keys, modifiedMs, lookedAt: now })
    return keys
  }
}

function newKeys(): string {
  const keys: Static<typeof KeyFile> = [
    { kid: randomBytes(4).toString('hex'), secret: randomBytes(SECRET_BYTES_MIN).toString('base64') },
  ]
  return JSON.stringify(keys)
}

function modifiedAt(path: string): number {
  try {
    return statSync(path).mtimeMs
  } catch (cause) {
    throw new Error(`the passport key file ${path} can not be read`, { cause })
  }
}

function readKeyFile(path: string): readonly PassportKey[] {
  const checked = checkKeyFile(JSON.parse(readFileSync(path, 'utf8')))
  if (!checked.ok)
    throw new Error(`${path}: ${checked.faults.map((fault) => `${fault.pointer} ${fault.detail}`).join('; ')}`)
  return checked.value.map(({ kid, secret }) => {
    const bytes = Buffer.from(secret, 'base64')
    if (bytes.length < SECRET_BYTES_MIN)
      throw new Error(`${path}: key ${kid} is shorter than ${SECRET_BYTES_MIN} bytes`)
    return { kid, secret: bytes }
  })
}
