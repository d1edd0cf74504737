import pg from 'pg'
import { type DatabaseServer, enterService, type Row, type ServiceName, type Sql } from './database.ts'
import { migrate } from './migrate.ts'

const CONNECTIONS_MAX_PER_SERVICE = 8
const CONNECT_TIMEOUT_MS = 5_000
const STATEMENT_TIMEOUT_MS = 15_000

const decoders = new Map<number, (text: string) => unknown>([
  [pg.types.builtins.INT8, (text) => BigInt(text)],
  [pg.types.builtins.TIMESTAMPTZ, (text) => Date.parse(text)],
])

/** PostgreSQL at a URL, or one URL for each service. A pool per service. */
export function openPostgres(urlOf: (service: ServiceName) => string, onError: (error: Error) => void): DatabaseServer {
  const pools: pg.Pool[] = []
  return {
    async open(service, migrations) {
      const pool = new pg.Pool({
        connectionString: urlOf(service),
        max: CONNECTIONS_MAX_PER_SERVICE,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        statement_timeout: STATEMENT_TIMEOUT_MS,
        application_name: `tidegate ${service}`,
        types: {
          getTypeParser: (oid: number, format?: 'text' | 'binary') =>
            decoders.get(oid) ?? pg.types.getTypeParser(oid, format as 'text'),
        },
      })
      pool.on('error', onError) // an idle connection that broke; the pool replaces it
      pools.push(pool)
      await inTransaction(pool, 'BEGIN', (client) =>
        migrate(service, migrations, statementsOf(client), (text) => client.query(text)),
      )
      return {
        transaction: (work) =>
          inTransaction(pool, `BEGIN; ${enterService(service)}`, (client) => work(statementsOf(client))),
        close: () => pool.end(),
      }
    },
    async close() {
      await Promise.all(pools.filter((pool) => !pool.ended).map((pool) => pool.end()))
    },
  }
}

async function inTransaction<T>(pool: pg.Pool, begin: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query(begin)
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError // the connection is gone; PostgreSQL rolls back by itself
    })
    throw error
  } finally {
    client.release(broken)
  }
}

function statementsOf(client: pg.PoolClient): Sql {
  return {
    async query<R extends Row>(text: string, values: readonly unknown[] = []) {
      const { rows } = await client.query<R>(text, [...values])
      return rows
    },
  }
}
