/** Runs work a bounded number at a time; what comes meanwhile waits its turn, in order. */
export interface AtMost {
  /** Null when too many wait already: then nothing was begun. */
  run<T>(work: () => Promise<T>): Promise<T> | null
}

/** `runningMax` at once, `waitingMax` behind them. */
export function atMost(runningMax: number, waitingMax: number): AtMost {
  const waiting: (() => void)[] = []
  let running = 0
  const take = async (): Promise<void> => {
    if (running >= runningMax)
      await new Promise<void>((turn) => waiting.push(turn)) // who leaves hands over its place
    else running += 1
  }
  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
  return {
    run(work) {
      if (running >= runningMax && waiting.length >= waitingMax) return null
      return take().then(work).finally(leave)
    },
  }
}
