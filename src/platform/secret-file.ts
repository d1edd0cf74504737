import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** The secret in a file, without the white space around it. @throws Error that names the file when it holds none */
export function readSecret(path: string): string {
  let secret: string
  try {
    secret = readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new Error(`the secret file ${path} can not be read`, { cause })
  }
  if (secret === '') throw new Error(`the secret file ${path} is empty`)
  return secret
}

/**
 * Makes the file unless it is there, readable by its owner only. Whole or not at all: of several processes that start at
 * once, one makes it and all read the same.
 */
export function makeSecretFile(path: string, content: () => string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  writeFileSync(draft, content(), { mode: 0o600, flag: 'wx' })
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    unlinkSync(draft)
  }
}
