import { Problem } from '../../kernel/problem.ts'

export type BatchQueue<Task, Result> = {
  /** @throws Problem `overloaded` when too many wait; nothing was done then */
  submit(task: Task): Promise<Result>
  /** Answers once all that was submitted has been run. */
  idle(): Promise<void>
}

type Waiting<Task, Result> = {
  readonly task: Task
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/**
 * One batch at a time, of what waits by then: one task under light load, up to `batchMax` under heavy load, and no timer.
 * A batch is all or nothing; when it throws, its tasks are run again one by one, so that only the one at fault fails.
 */
export function createBatchQueue<Task, Result>(options: {
  readonly batchMax: number
  readonly waitingMax: number
  readonly run: (tasks: readonly Task[]) => Promise<readonly Result[]>
}): BatchQueue<Task, Result> {
  const { batchMax, waitingMax, run } = options
  const waiting: Waiting<Task, Result>[] = []
  let running: Promise<void> | null = null

  async function runAll(): Promise<void> {
    while (waiting.length > 0) await runBatch(waiting.splice(0, batchMax))
    running = null
  }

  async function runBatch(batch: readonly Waiting<Task, Result>[]): Promise<void> {
    try {
      const results = await run(batch.map(({ task }) => task))
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result)
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error)
      else for (const one of batch) await runBatch([one])
    }
  }

  return {
    submit(task) {
      if (waiting.length >= waitingMax) return Promise.reject(overloaded())
      return new Promise((resolve, reject) => {
        waiting.push({ task, resolve, reject })
        running ??= runAll()
      })
    },
    idle: async () => running ?? undefined,
  }
}

function overloaded(): Problem {
  return new Problem('overloaded', { detail: 'too many commands wait', headers: { 'retry-after': '1' } })
}
