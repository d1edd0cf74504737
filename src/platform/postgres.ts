import pg from 'pg'
import { Problem } from '../kernel/problem.ts'
import {
  type Conclude,
  type DatabaseServer,
  enterService,
  type Row,
  SERVICE_NAMES,
  type ServiceName,
  type Sql,
  type Statement,
} from './database.ts'
import { migrate } from './migrate.ts'
import { CommitFailed, runTogether } from './pg-together.ts'
import { type Faults, inTransaction } from './pg-transaction.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** `TIDEGATE_DATABASE_URL`, or `TIDEGATE_DATABASE_URL_CASH_FLOW` and so on for one service; null when there is none. */
export function postgresUrlFrom(environment: Environment): ((service: ServiceName) => string) | null {
  const shared = environment['TIDEGATE_DATABASE_URL']
  const own = (service: ServiceName): string | undefined =>
    environment[`TIDEGATE_DATABASE_URL_${service.toUpperCase().replaceAll('-', '_')}`]
  if (shared === undefined && SERVICE_NAMES.every((service) => own(service) === undefined)) return null
  return (service) => {
    const url = own(service) ?? shared
    if (url === undefined) throw new Error(`no database for ${service}: set TIDEGATE_DATABASE_URL`)
    return url
  }
}

const CONNECTIONS_MAX_PER_SERVICE = 8
const CONNECT_TIMEOUT_MS = 5_000
const STATEMENT_TIMEOUT_MS = 15_000
/** Of a migration: to build the indexes of a large ledger anew takes minutes, and who comes meanwhile waits for it. */
const MIGRATION_TIMEOUT_MS = 3_600_000
/** A process that is stopped in the middle of a transaction holds up the others for no longer. */
const IDLE_IN_TRANSACTION_MS = 30_000
/** The server's own limit is of no use when the server, or the way to it, is silent. */
const SILENCE_MS_MAX = 5_000

const decoders = new Map<number, (text: string) => unknown>([
  [pg.types.builtins.INT8, (text) => BigInt(text)],
  [pg.types.builtins.TIMESTAMPTZ, (text) => Date.parse(text)],
])

/** PostgreSQL at a URL, or one URL for each service. A pool per service. */
export function openPostgres(urlOf: (service: ServiceName) => string, onError: (error: Error) => void): DatabaseServer {
  const pools: pg.Pool[] = []
  return {
    async open(service, migrations) {
      const poolOf = (max: number, statementMs: number): pg.Pool => {
        const pool = openPool(urlOf(service), service, max, statementMs)
        pool.on('error', onError) // an idle connection that broke; the pool replaces it
        pools.push(pool)
        return pool
      }
      const pool = poolOf(CONNECTIONS_MAX_PER_SERVICE, STATEMENT_TIMEOUT_MS)
      await reach(pool, service)
      const migrating = poolOf(1, MIGRATION_TIMEOUT_MS)
      await inTransaction(
        migrating,
        'BEGIN',
        (client) => migrate(service, migrations, statementsOf(client), (text) => client.query(text)),
        FAULTS,
      )
      await migrating.end()
      const begin = ['BEGIN', ...enterService(service)]
      return {
        transaction: (work) => inTransaction(pool, begin.join('; '), (client) => work(statementsOf(client)), FAULTS),
        atOnce: (statements, conclude) =>
          allAtOnce(pool, [...begin, BY_INDEX].map(withoutValues), statements, conclude ?? null),
        close: () => pool.end(),
      }
    },
    async close() {
      await Promise.all(pools.filter((pool) => !pool.ended).map((pool) => pool.end()))
    },
  }
}

function openPool(url: string, service: ServiceName, max: number, statementMs: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementMs,
    query_timeout: statementMs + SILENCE_MS_MAX,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    application_name: `tidegate ${service}`,
    pipeline: true, // a statement is sent though the one before has no answer yet, if nobody waits for that
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        decoders.get(oid) ?? pg.types.getTypeParser(oid, format as 'text'),
    },
  })
  // One that breaks between the statements of a transaction tells nobody else: unheard, it would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/** A refused connection says neither what was wanted nor, where a name has two addresses, anything at all. */
async function reach(pool: pg.Pool, service: ServiceName): Promise<void> {
  try {
    const client = await pool.connect()
    client.release()
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException
    throw new Error(`PostgreSQL can not be reached for ${service}: ${message || code}`, { cause })
  }
}

/** Without `conclude` COMMIT is on its way before the first answer. With it, COMMIT and what it adds are sent once it has answered. */
async function allAtOnce(
  pool: pg.Pool,
  begin: readonly Statement[],
  statements: readonly Statement[],
  conclude: Conclude | null,
): Promise<Row[][]> {
  const client = await pool.connect().catch((error: unknown) => Promise.reject(withoutEffect(error)))
  let broken: Error | undefined
  /** A connection that breaks tells nothing of what was sent on it last. */
  const send = (together: readonly Statement[]): Promise<Row[][]> =>
    runTogether(client, together).catch((error: Error) => {
      if (!(error instanceof pg.DatabaseError || error instanceof CommitFailed)) broken = error
      throw error
    })
  const sendAll = (together: readonly Statement[]): Promise<Row[][]> =>
    send(together).catch(async (error: unknown) => {
      if (!isStale(error)) throw error
      await client.query('ROLLBACK')
      return send(together)
    })
  const committed = (sent: Promise<Row[][]>): Promise<Row[][]> =>
    sent.catch((error: unknown) => {
      if (error instanceof CommitFailed) throw afterCommit(error.cause)
      throw broken === undefined ? withoutEffect(error) : afterCommit(error)
    })
  try {
    const all = [...begin, ...statements]
    if (conclude === null) return (await committed(sendAll([...all, COMMIT]))).slice(begin.length, -1)
    const rows = await sendAll(all).catch((error: unknown) => Promise.reject(withoutEffect(error)))
    const last = await conclude()
    await committed(send([...last, COMMIT]))
    return rows.slice(begin.length)
  } catch (error) {
    if (broken === undefined) {
      await client.query('ROLLBACK').catch((rollbackError: Error) => {
        broken = rollbackError // the connection is gone; PostgreSQL rolls back by itself
      })
    }
    throw error
  } finally {
    client.release(broken)
  }
}

/** With what a prepared statement is refused whose table has changed since, or that a pooler's server has forgotten. */
const STALE = new Set(['0A000', '26000'])

function isStale(error: unknown): boolean {
  return error instanceof pg.DatabaseError && STALE.has(error.code ?? '')
}

/**
 * A prepared statement has one plan, made when its tables may have been empty. What is best for those, to read them from end to
 * end, is a disaster when they have a million rows: so it is made as if there was nothing but indexes. Up to version 17 what has
 * no index then looks so dear that it would be compiled each time.
 */
const BY_INDEX = `SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
  set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
  set_config('jit', 'off', true)`

const withoutValues = (text: string): Statement => ({ text, values: [] })
const COMMIT = withoutValues('COMMIT')

function statementsOf(client: pg.PoolClient): Sql {
  return {
    async query<R extends Row>(text: string, values: readonly unknown[] = []) {
      try {
        return (await client.query<R>(text, [...values])).rows
      } catch (error) {
        throw withoutEffect(error)
      }
    },
  }
}

/** Of PostgreSQL's error codes: connection exceptions, insufficient resources, shutdowns, and errors of the system. */
const AWAY = /^(08|53|57P0|58)/

function isAway(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || AWAY.test(error.code ?? '')
}

/** Before COMMIT is sent a transaction has done nothing, and never will. */
function withoutEffect(error: unknown): unknown {
  if (!isAway(error)) return error
  return new Problem('dependency_unavailable', { detail: 'the database is away; nothing was done', cause: error })
}

/** Whether a COMMIT that nobody confirmed was carried out, nobody knows. */
function afterCommit(error: unknown): unknown {
  if (!isAway(error)) return error
  return new Problem('outcome_unknown', { detail: 'the database has not confirmed what was done', cause: error })
}

const FAULTS: Faults = { withoutEffect, afterCommit }
