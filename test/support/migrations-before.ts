import assert from 'node:assert/strict'
import { cp, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { ServiceName } from '../../src/platform/database.ts'

/** A service's migrations as they were before its own one that begins with `first`; copies of them are put into the folder. */
export async function migrationsBefore(
  service: ServiceName,
  migrations: readonly URL[],
  first: string,
  folder: string,
): Promise<readonly URL[]> {
  const own = migrations.at(-1)
  assert(own !== undefined)
  const then = join(folder, service, 'migrations')
  await mkdir(then, { recursive: true })
  for (const file of await readdir(own)) {
    if (file < first) await cp(fileURLToPath(new URL(file, own)), join(then, file))
  }
  return [...migrations.slice(0, -1), pathToFileURL(`${then}/`)]
}
