import { mkdir } from 'node:fs/promises'
import { Mutex, PGlite, types } from '@electric-sql/pglite'
import { type DatabaseServer, enterService, type Row, type Sql, TransactionUndone } from './database.ts'
import { migrate } from './migrate.ts'
import { openPgliteSession, type PgliteSession } from './pglite-session.ts'

/**
 * The embedded store: PostgreSQL in the process. One session, so transactions queue. It survives `kill -9`, not power
 * loss: PGlite never calls fsync. The directory must have one owner (see `data-directory.ts`).
 */
export async function openPglite(directory: string | null): Promise<DatabaseServer> {
  if (directory !== null) await mkdir(directory, { recursive: true, mode: 0o700 })
  const pglite = await PGlite.create({
    ...(directory === null ? {} : { dataDir: directory }),
    parsers: {
      [types.INT8]: (text) => BigInt(text),
      [types.TIMESTAMPTZ]: (text) => Date.parse(text),
    },
  })
  const turn = new Mutex()
  return {
    async open(service, migrations) {
      const session = openPgliteSession(pglite, service)
      await turn.runExclusive(() =>
        inTransaction(session, 'BEGIN', () =>
          migrate(service, migrations, session, async (text) => session.execute(text)),
        ),
      )
      const begin = ['BEGIN', ...enterService(service)].join('; ')
      return {
        transaction: (work) => turn.runExclusive(() => inTransaction(session, begin, work)),
        atOnce: (statements, conclude) =>
          turn.runExclusive(() =>
            inTransaction(session, begin, async () => {
              const rows: readonly Row[][] = session.queryAll(statements)
              if (conclude !== undefined) session.queryAll(await conclude())
              return rows
            }),
          ),
        close: async () => {},
      }
    },
    close: () => turn.runExclusive(() => pglite.close()),
  }
}

async function inTransaction<T>(session: PgliteSession, begin: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  let isOpen = true
  const sql: Sql = {
    async query(text, values) {
      if (!isOpen) throw new Error('the transaction is over')
      return session.query(text, values)
    },
  }
  session.execute(begin)
  try {
    const result = await work(sql)
    isOpen = false
    if (session.execute('COMMIT') === 'ROLLBACK') throw new TransactionUndone()
    return result
  } catch (error) {
    if (isOpen) session.execute('ROLLBACK')
    isOpen = false
    throw error
  }
}
