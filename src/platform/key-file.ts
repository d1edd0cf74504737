import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { type Static, Type } from 'typebox'
import { assert } from '../kernel/assert.ts'
import { checkOf } from './schema.ts'
import { makeSecretFile } from './secret-file.ts'

/** A secret key and the name it goes by. */
export type NamedKey = { readonly kid: string; readonly secret: Uint8Array }

/** The keys that are in force, newest first; `kid` is one that is asked for, and looked for anew if it is not among them. */
export type KeyRing = (kid?: string) => readonly NamedKey[]

const KeyFile = Type.Array(
  Type.Object(
    { kid: Type.String({ pattern: '^[A-Za-z0-9_-]{1,32}$' }), secret: Type.String() },
    { additionalProperties: false },
  ),
  { minItems: 1, maxItems: 4 },
)

const SECRET_BYTES_MIN = 32
/** A changed file is in force after this long, and a new key of it as soon as somebody names it. */
const LOOK_EVERY_MS = 1_000
/** Anyone can name a key that there is not. */
const LOOK_FOR_UNKNOWN_EVERY_MS = 100

const checkKeyFile = checkOf(KeyFile)

/**
 * Keys from a file: `[{"kid","secret"}]`, base64, newest first. To rotate, put a new key in front and take the old one away
 * when nothing needs it any more; no restart. With `generate`, a missing file is made. A file that can't be read any more,
 * or only half, leaves the last good keys in force; `onFault` hears why, once per fault. `what` names the keys in faults.
 * @throws Error that names the file and says what an operator has to mend, when there are no good keys at first
 */
export function keyFile(
  path: string,
  { what, generate, onFault }: { what: string; generate: boolean; onFault: (error: Error) => void },
): KeyRing {
  if (generate) makeSecretFile(path, newKeys)
  const known: Known = { ...readKeyFile(path, what), path, what, fault: '' }
  let lookedAt = performance.now()
  let lookedForUnknownAt = Number.NEGATIVE_INFINITY
  return (kid) => {
    const now = performance.now()
    const isUnknown = kid !== undefined && known.keys.every((key) => key.kid !== kid)
    const looksForUnknown = isUnknown && now - lookedForUnknownAt >= LOOK_FOR_UNKNOWN_EVERY_MS
    if (looksForUnknown) lookedForUnknownAt = now
    if (looksForUnknown || now - lookedAt >= LOOK_EVERY_MS) {
      lookedAt = now
      lookAgain(known, onFault)
    }
    return known.keys
  }
}

type KeyFileRead = { keys: readonly NamedKey[]; modifiedMs: number }
type Known = KeyFileRead & { readonly path: string; readonly what: string; fault: string }

function lookAgain(known: Known, onFault: (error: Error) => void): void {
  try {
    if (statSync(known.path).mtimeMs !== known.modifiedMs) Object.assign(known, readKeyFile(known.path, known.what))
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
function readKeyFile(path: string, what: string): KeyFileRead {
  const { modifiedMs, content } = readJson(path, what)
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

function readJson(path: string, what: string): { readonly modifiedMs: number; readonly content: unknown } {
  try {
    const { mtimeMs: modifiedMs } = statSync(path) // before reading: what is written in between is read at the next look
    return { modifiedMs, content: JSON.parse(readFileSync(path, 'utf8')) }
  } catch (cause) {
    throw new Error(`the ${what} key file ${path} can not be read`, { cause })
  }
}
