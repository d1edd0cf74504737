import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** The file in the data directory by which commands on this machine reach the operator API. */
export const credentialFile = (data: string): string => join(data, 'operator.credential')

/** Empty; whoever has the directory holds a lock on it. */
export const LOCK_FILE = 'owner.lock'

/** Of several that start at once one gets the lock, if they wait for each other's attempts. */
const LOCK_WAIT_MS_MAX = 500
/** https://sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5

/**
 * Makes this process the one owner of a data directory, for as long as it lives and keeps the result. PGlite lets two
 * processes open and corrupt one directory. Node has no file locks but SQLite's, which the kernel keeps: they end with their
 * process however it ends, so nothing stale is left that two could take at once. The file `owner.lock` stays empty.
 * @throws Error that names the directory when another process owns it
 */
export async function ownDataDirectory(directory: string): Promise<{ release(): void }> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const lock = new DatabaseSync(join(directory, LOCK_FILE), { timeout: LOCK_WAIT_MS_MAX })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) {
      throw new Error(`the data directory ${directory} is in use by another Tidegate process`)
    }
    throw error
  }
  return { release: () => lock.close() }
}
