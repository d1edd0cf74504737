import { Problem } from '../../kernel/problem.ts'

export type BatchQueue<Task, Result> = {
  /**
   * Runs the task in its turn, unless its caller is gone by then. One of `ours` is what others wait for: it is never refused.
   * @throws Problem `overloaded` when too many wait, or the caller left; nothing was done then
   */
  submit(task: Task, caller: AbortSignal | 'ours'): Promise<Result>
  /** Answers once all that was submitted has been run. */
  idle(): Promise<void>
}

type Waiting<Task, Result> = {
  readonly task: Task
  readonly caller: AbortSignal | null
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/**
 * One batch after the other, each of what waits by then: one task under light load, up to `batchMax` under heavy load, and no
 * timer. The next one is begun when the one before has ended, or earlier, when `run` says so by `next` and `aheadMin` wait:
 * fewer would make small batches, each with a way to the store of its own.
 * A batch is all or nothing. When it throws what one task can be the cause of, its tasks are run again one by one, so that
 * only the one at fault fails; what concerns them all (the store is away) fails them all at once.
 */
export function createBatchQueue<Task, Result>(options: {
  readonly batchMax: number
  readonly waitingMax: number
  readonly aheadMin: number
  readonly run: (tasks: readonly Task[], next: () => void) => Promise<readonly Result[]>
  readonly isOfOneTask: (error: unknown) => boolean
}): BatchQueue<Task, Result> {
  const { batchMax, waitingMax, aheadMin, run, isOfOneTask } = options
  const waiting: Waiting<Task, Result>[] = []
  const running = new Set<Promise<void>>()
  let mayBegin = true

  function begin(): void {
    if (!mayBegin || waiting.length < (running.size === 0 ? 1 : aheadMin)) return
    mayBegin = false
    let isNext = false
    // After this turn of the event loop: who was just answered and asks again is taken with the others.
    const next = (): void => {
      if (isNext) return
      isNext = true
      setImmediate(() => {
        mayBegin = true
        begin()
      })
    }
    const one: Promise<void> = runBatch(nextBatch(), next).finally(() => {
      running.delete(one)
      next()
      setImmediate(begin) // those that were too few to go ahead
    })
    running.add(one)
  }

  /** Who asked and left was told that the outcome is unknown; it must not come about long after. */
  function nextBatch(): readonly Waiting<Task, Result>[] {
    const batch = waiting.splice(0, batchMax)
    for (const { caller, reject } of batch) if (caller?.aborted) reject(overloaded('the caller left before its turn'))
    return batch.filter(({ caller }) => !caller?.aborted)
  }

  async function runBatch(batch: readonly Waiting<Task, Result>[], next: () => void): Promise<void> {
    if (batch.length === 0) return
    const tasks = batch.map(({ task }) => task)
    try {
      const results = await run(tasks, next)
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result)
    } catch (error) {
      if (batch.length > 1 && isOfOneTask(error)) for (const one of batch) await runBatch([one], () => {})
      else for (const { reject } of batch) reject(error)
    }
  }

  return {
    submit(task, caller) {
      if (caller !== 'ours' && waiting.length >= waitingMax) return Promise.reject(overloaded('too many commands wait'))
      return new Promise((resolve, reject) => {
        waiting.push({ task, caller: caller === 'ours' ? null : caller, resolve, reject })
        begin()
      })
    },
    async idle() {
      while (running.size > 0 || waiting.length > 0) {
        await Promise.all(running)
        await new Promise(setImmediate)
      }
    },
  }
}

function overloaded(detail: string): Problem {
  return new Problem('overloaded', { detail, headers: { 'retry-after': '1' } })
}
