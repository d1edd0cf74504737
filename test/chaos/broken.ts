import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../src/platform/database.ts'
import type { ServiceRoute } from '../../src/platform/service-route.ts'

/** Ledgers with a fault, to see that it is found. */
export type Fault = 'none' | 'answers before it commits' | 'forgets keys of deposits'

const COMMIT_LATER_MS = 10

/** The database and the routes of a ledger with this fault; as they are without one. */
export function broken(
  fault: Fault,
  database: Database,
): { database: Database; mend(route: ServiceRoute): ServiceRoute } {
  return {
    database: fault === 'answers before it commits' ? hasty(database) : database,
    mend: (route) => (fault === 'forgets keys of deposits' && route.path === '/v1/deposits' ? keyless(route) : route),
  }
}

/**
 * Whoever comes next waits for the commit, so that nothing is to be seen of it until it is killed; and whoever writes next is
 * told that it failed, so that the writer goes on with what there is.
 */
function hasty(database: Database): Database {
  let kept: Promise<unknown> = Promise.resolve()
  const settled = () => kept.catch(() => null)
  return {
    ...database,
    transaction: (work) => settled().then(() => database.transaction(work)),
    async atOnce(statements) {
      if (statements.every(({ text }) => text.startsWith('SELECT'))) {
        return settled().then(() => database.atOnce(statements))
      }
      const before = kept
      await before.catch((error: unknown) => {
        if (kept === before) kept = Promise.resolve()
        throw error
      })
      kept = Promise.all([kept, sleep(COMMIT_LATER_MS).then(() => database.atOnce(statements))])
      kept.catch(() => null) // told to whoever comes next
      return statements.map(() => [])
    },
  }
}

function keyless(route: ServiceRoute): ServiceRoute {
  return {
    ...route,
    run(call) {
      const { 'idempotency-key': _, ...headers } = call.headers
      return route.run({ ...call, headers })
    },
  }
}
