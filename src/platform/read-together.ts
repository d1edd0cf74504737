import { Problem } from '../kernel/problem.ts'
import type { Database, Row, Sql, SqlValue, Statement } from './database.ts'

type Asked = {
  readonly statement: Statement
  readonly resolve: (rows: readonly Row[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Reads that are asked for in one turn go out as one transaction: one way to the store and back, however many they are.
 * @throws Problem `dependency_unavailable` from `query` when the store is away
 */
export function readTogether({ atOnce }: Pick<Database, 'atOnce'>): Sql {
  let asked: Asked[] = []

  async function send(): Promise<void> {
    const together = asked
    asked = []
    try {
      const rows = await atOnce(together.map(({ statement }) => statement))
      for (const [index, { resolve }] of together.entries()) resolve(rows[index] ?? [])
    } catch (error) {
      for (const { reject } of together) reject(withoutEffect(error))
    }
  }

  return {
    query: <R extends Row>(text: string, values: readonly SqlValue[] = []) =>
      new Promise<R[]>((resolve, reject) => {
        asked.push({ statement: { text, values }, resolve: (rows) => resolve(rows as R[]), reject })
        if (asked.length === 1) queueMicrotask(send)
      }),
  }
}

/** Whoever only reads has done nothing, whether the end of the transaction was confirmed or not. */
function withoutEffect(error: unknown): unknown {
  if (!(error instanceof Problem) || error.code !== 'outcome_unknown') return error
  return new Problem('dependency_unavailable', { detail: 'the database is away; nothing was done', cause: error })
}
