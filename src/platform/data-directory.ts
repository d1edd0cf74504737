import { mkdir, unlink } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { sha256 } from '../kernel/canonical-json.ts'

/** The file in the data directory by which commands on this machine reach the operator API. */
export const credentialFile = (data: string): string => join(data, 'operator.credential')

/** Unix socket paths hold about 100 bytes on Linux and macOS. */
const SOCKET_PATH_BYTES_MAX = 100

/**
 * Makes this process the one owner of a data directory. PGlite lets two processes open and corrupt one directory, and a
 * process id in a file can be reused; a listening socket dies with its process and can be asked.
 * @throws Error that names the directory when another process owns it
 */
export async function ownDataDirectory(directory: string): Promise<{ release(): Promise<void> }> {
  await mkdir(directory, { recursive: true })
  const path = socketPath(resolve(directory))
  const server = (await listen(path)) ?? (await takeOver(directory, path))
  server.unref()
  return { release: () => new Promise((done) => server.close(() => done())) }
}

async function takeOver(directory: string, path: string): Promise<Server> {
  if (await answers(path)) throw new Error(`the data directory ${directory} is in use by another Tidegate process`)
  await unlink(path).catch(() => {}) // left by a process that was killed
  const server = await listen(path)
  if (server === null) throw new Error(`the data directory ${directory} was taken by another Tidegate process`)
  return server
}

function socketPath(directory: string): string {
  const path = join(directory, 'owner.sock')
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX
    ? path
    : join(tmpdir(), `tidegate-${sha256(directory).slice(0, 24)}.sock`)
}

function listen(path: string): Promise<Server | null> {
  return new Promise((done, fail) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? done(null) : fail(error)))
    server.listen(path, () => done(server))
  })
}

function answers(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}
