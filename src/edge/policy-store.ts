import type { Clock } from '../kernel/clock.ts'
import { keepDoing } from '../platform/every.ts'
import type { Log } from '../platform/log.ts'
import type { Bundle } from '../policy/index.ts'
import type { CheckOptions, PolicySource } from './policy-checker.ts'
import { createPolicyCompiler } from './policy-compiler.ts'
import { openPolicyHistory, type PolicyHistory } from './policy-history.ts'
import { createServing, type PolicyStatus } from './policy-serving.ts'
import { createPolicyUpkeep, type Rollback } from './policy-upkeep.ts'

/** The policies as they are in force. */
export interface PolicyStore {
  bundle(): Bundle
  status(): PolicyStatus
  readonly history: Pick<PolicyHistory, 'read' | 'list'>
  /** Lets a bundle that served before serve again, until the source's content changes. `by`: the operator's id. */
  rollback(digest: string, by: string): Promise<Rollback>
  close(): Promise<void>
}

export type PolicyStoreOptions = {
  readonly source: PolicySource
  /** How long after one look at the source the next one begins. */
  readonly everyMs: number
  /** The folder where the bundles that served are kept. */
  readonly history: string
  /** What policies are checked against, beside each other. */
  readonly against: CheckOptions
  readonly clock: Clock
  readonly log: Log
}

/**
 * Serves what the source holds and keeps looking at it. An edit takes effect whole or not at all: while it is broken the
 * last good bundle serves, over a restart too. @throws PolicyError when there is no good bundle to start with
 */
export async function openPolicyStore(options: PolicyStoreOptions): Promise<PolicyStore> {
  const { source, clock, log } = options
  const history = await openPolicyHistory(options.history, log)
  const compiler = createPolicyCompiler(options.history, options.against)
  const { current, begin, status } = createServing(history, clock, log)
  const upkeep = createPolicyUpkeep({
    source,
    history,
    compile: (ask) => compiler.compile({ unless: null, before: null, ...ask, now: clock.now() }),
    current,
    begin,
    compileAt: compiler.compileAt,
    clock,
    log,
  })
  try {
    await upkeep.start()
  } catch (error) {
    await compiler.close()
    throw error
  }
  const inTurn = createTurn()
  const looking = keepDoing({
    name: 'policies',
    everyMs: options.everyMs,
    log,
    work: () => inTurn(upkeep.look).then(() => false),
  })
  return {
    history,
    bundle: () => current().bundle,
    status: () => status(upkeep.rejected()),
    rollback: (digest, by) => inTurn(() => upkeep.rollback(digest, by)),
    async close() {
      const closed = looking.close()
      await compiler.close() // ends the look that is under way
      await closed
    },
  }
}

/** One after the other, so that a look that began before a rollback does not end it. */
function createTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let turn: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }
}
