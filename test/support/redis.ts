import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type RedisClientType } from '@redis/client'
import { findFreePort } from '../../src/cli/demo/free-ports.ts'
import { eventually } from './edge-calls.ts'

/** Why a test that needs a Redis server does not run here; false where it does. */
export const skipWithoutRedis = hasRedis() ? false : 'not run: redis-server (apt-get install redis-server)'

export interface TestRedis {
  readonly url: string
  /** Ends the server as a crash would; `start` brings an empty one on the same port. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Stops the server in mid-thought: connections stay open, and nobody answers. */
  freeze(): void
  thaw(): void
  /** The names of all keys. */
  keys(): Promise<string[]>
  stop(): Promise<void>
}

/** Starts a real Redis server on a free port, keeping nothing on disk. */
export async function startTestRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-redis-'))
  const port = await findFreePort()
  const url = `redis://127.0.0.1:${port}`
  let server: ChildProcess
  const gone = () => new Promise((done) => server.once('exit', done))

  const ask = async <T>(question: (client: RedisClientType) => Promise<T>): Promise<T> => {
    const client = createClient({ url, socket: { reconnectStrategy: false } }) as RedisClientType
    client.on('error', () => {}) // told by `connect`
    await client.connect()
    try {
      return await question(client)
    } finally {
      client.destroy()
    }
  }
  const redis: TestRedis = {
    url,
    async start() {
      server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder], {
        stdio: 'ignore',
      })
      await eventually('Redis answers', () => ask((client) => client.ping()).catch(() => null))
    },
    async kill() {
      const ended = gone()
      server.kill('SIGKILL')
      await ended
    },
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    keys: () => ask((client) => client.keys('*')),
    async stop() {
      if (server.exitCode === null && server.signalCode === null) await redis.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
  await redis.start()
  return redis
}

function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
