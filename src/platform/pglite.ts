import { mkdir } from 'node:fs/promises'
import { PGlite, type Transaction, types } from '@electric-sql/pglite'
import { type DatabaseServer, enterService, type Row, type Sql } from './database.ts'
import { migrate } from './migrate.ts'

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
  return {
    async open(service, migrations) {
      await pglite.transaction((transaction) =>
        migrate(service, migrations, statementsOf(transaction), (text) => transaction.exec(text)),
      )
      return {
        transaction: (work) =>
          pglite.transaction(async (transaction) => {
            await transaction.exec(enterService(service))
            return work(statementsOf(transaction))
          }),
        atOnce: (statements, conclude = async () => []) =>
          pglite.transaction(async (transaction) => {
            await transaction.exec(enterService(service))
            const sql = statementsOf(transaction)
            const rows: Row[][] = []
            for (const { text, values } of statements) rows.push(await sql.query(text, values))
            for (const { text, values } of await conclude()) await sql.query(text, values)
            return rows
          }),
        close: async () => {},
      }
    },
    close: () => pglite.close(),
  }
}

function statementsOf(transaction: Transaction): Sql {
  return {
    async query<R extends Row>(text: string, values: readonly unknown[] = []) {
      const { rows } = await transaction.query<R>(text, [...values])
      return rows
    },
  }
}
