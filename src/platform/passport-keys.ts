import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import { assert } from '../kernel/assert.ts'
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
/** A changed file is in force after this long, and a new key of it as soon as a passport names it. */
const LOOK_EVERY_MS = 1_000
/** Anyone can name a key that there is not. */
const LOOK_FOR_UNKNOWN_EVERY_MS = 100

const checkKeyFile = compileSchema(KeyFile)

/**
 * Passport keys from `passport-SERVICE.json` files in a folder: `[{"kid","secret"}]`, base64, newest first. To rotate, put
 * a new key in front and take the old one away a minute later; no restart. With `generate`, a missing file is made. A file
 * that can't be read any more, or only half, leaves the last good keys in force; `onFault` hears why, once per fault.
 */
export function passportKeysIn(folder: string, generate: boolean, onFault: (error: Error) => void): PassportKeys {
  const cache = new Map<string, Known>()
  return (service, kid) => {
    const now = performance.now()
    let known = cache.get(service)
    if (known === undefined) {
      const path = join(folder, `passport-${service}.json`)
      if (generate) makeSecretFile(path, newKeys)
      known = { ...readKeyFile(path), path, lookedAt: now, lookedForUnknownAt: Number.NEGATIVE_INFINITY, fault: '' }
      cache.set(service, known)
    }
    const isUnknown = kid !== undefined && known.keys.every((key) => key.kid !== kid)
    const looksForUnknown = isUnknown && now - known.lookedForUnknownAt >= LOOK_FOR_UNKNOWN_EVERY_MS
    if (looksForUnknown) known.lookedForUnknownAt = now
    if (looksForUnknown || now - known.lookedAt >= LOOK_EVERY_MS) {
      known.lookedAt = now
      lookAgain(known, onFault)
    }
    return known.keys
  }
}

type KeyFileRead = { keys: readonly PassportKey[]; modifiedMs: number }
type Known = KeyFileRead & { readonly path: string; lookedAt: number; lookedForUnknownAt: number; fault: string }

function lookAgain(known: Known, onFault: (error: Error) => void): void {
  try {
    if (statSync(known.path).mtimeMs !== known.modifiedMs) Object.assign(known, readKeyFile(known.path))
    known.fault = ''
  } catch (error) {
    assert(error instanceof Error, 'what reading a file throws is an Error')
    if (error.message !== known.fault) onFault(error)
    known.fault = error.message
  }
}

function newKeys(): string {
  const keys: Static<typeof KeyFile> = [
    { kid: randomBytes(4).toString('hex'), secret: randomBytes(SECRET_BYTES_MIN).toString('base64') },
  ]
  return JSON.stringify(keys)
}

/** @throws Error that names the file and says what an operator has to mend */
function readKeyFile(path: string): KeyFileRead {
  const { modifiedMs, content } = readJson(path)
  const checked = checkKeyFile(content)
  if (!checked.ok)
    throw new Error(`${path}: ${checked.faults.map((fault) => `${fault.pointer} ${fault.detail}`).join('; ')}`)
  const keys = checked.value.map(({ kid, secret }) => {
    const bytes = Buffer.from(secret, 'base64')
    if (bytes.length < SECRET_BYTES_MIN)
      throw new Error(`${path}: key ${kid} is shorter than ${SECRET_BYTES_MIN} bytes`)
    return { kid, secret: bytes }
  })
  return { keys, modifiedMs }
}

function readJson(path: string): { readonly modifiedMs: number; readonly content: unknown } {
  try {
    const { mtimeMs: modifiedMs } = statSync(path) // before reading: what is written in between is read at the next look
    return { modifiedMs, content: JSON.parse(readFileSync(path, 'utf8')) }
  } catch (cause) {
    throw new Error(`the passport key file ${path} can not be read`, { cause })
  }
}
