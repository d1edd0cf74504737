/** Time as the journal needs it: that some has passed, and never what the clock says. */
export interface Timers {
  /** Calls once after so many milliseconds, unless it was cancelled by calling what this returns. */
  after(ms: number, call: () => void): () => void
}

export const systemTimers: Timers = {
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

/** @throws Error once so much time has passed without an answer; what was asked may happen all the same */
export function within<T>(timers: Timers, ms: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timers.after(ms, () => reject(new Error(`no answer within ${ms} ms`)))
    answer.then(resolve, reject).finally(cancel)
  })
}
