import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { makePostgresCluster } from '../support/postgres.ts'
import { killPostgres } from './kill-postgres.ts'

/** A PostgreSQL server of its own, to be killed and started again on what it left. */
export type MortalPostgres = {
  readonly dataDirectory: string
  /** A new, empty database; its URL. */
  createDatabase(): Promise<string>
  dropDatabase(url: string): Promise<void>
  kill(): void
  /** Answers once it has recovered. The processes that were killed may be seen for a moment longer. */
  startAgain(): Promise<void>
  stop(): Promise<void>
}

const TRIES_MAX = 100
const TRY_AGAIN_MS = 100
const READY = 'database system is ready to accept connections'

export async function startMortalPostgres(): Promise<MortalPostgres> {
  const cluster = await makePostgresCluster()
  const { dataDirectory, port, url, flags, remove } = cluster
  const { uid, gid } = await stat(dataDirectory) // as root the server runs under the account that was made for it
  let server: ChildProcess

  async function start(): Promise<void> {
    for (let tries = 1; ; tries++) {
      server = spawn(cluster.binary, ['-D', dataDirectory, '-p', String(port), ...flags], {
        ...(process.getuid?.() === 0 ? { uid, gid } : {}),
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      if (await isReady(server)) return
      if (tries >= TRIES_MAX) throw new Error('PostgreSQL did not start again')
      await sleep(TRY_AGAIN_MS) // somebody has its port for a moment, or is not quite gone
    }
  }

  const ask = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(statement)
    await client.end()
  }

  await start()
  process.once('exit', () => server.kill('SIGKILL'))
  return {
    dataDirectory,
    async createDatabase() {
      const database = new URL(url)
      database.pathname = `/chaos_${randomBytes(8).toString('hex')}`
      await ask(`CREATE DATABASE ${database.pathname.slice(1)}`)
      return database.href
    },
    dropDatabase: (database) => ask(`DROP DATABASE ${new URL(database).pathname.slice(1)} WITH (FORCE)`),
    kill: () => killPostgres(dataDirectory),
    startAgain: start,
    async stop() {
      const exited = once(server, 'exit')
      if (server.exitCode === null && server.signalCode === null && server.kill('SIGINT')) await exited
      await remove()
    },
  }
}

/** Whether it takes connections, or has ended before. A pipe that nobody reads would stop it once it is full. */
function isReady(server: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    server.stderr?.on('data', (chunk) => String(chunk).includes(READY) && resolve(true))
    server.once('exit', () => resolve(false))
  })
}
