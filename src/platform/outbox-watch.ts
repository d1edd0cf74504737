import { EventEmitter } from 'node:events'

/** Another process may have written: how often there is a look, while anyone waits. */
const LOOK_MS = 250

export type OutboxWatch = {
  /** This process has written. */
  tell(): void
  /** Where the news is by now: for `newsSince`. */
  mark(): number
  /** True as soon as something may have been written since the mark; false at the end of the time, or on the signal. */
  newsSince(mark: number, ms: number, signal?: AbortSignal): Promise<boolean>
}

/** Wakes all who wait for an outbox: at once when this process writes, and by one look for all of them when another one does. */
export function watchOutbox(readHead: () => Promise<bigint>): OutboxWatch {
  const news = new EventEmitter().setMaxListeners(0)
  let told = 0
  let head = 0n
  let isToLook = false

  function tell(): void {
    told += 1
    news.emit('written')
  }

  function lookLater(): void {
    if (isToLook) return
    isToLook = true
    setTimeout(look, LOOK_MS).unref()
  }

  async function look(): Promise<void> {
    const before = head
    try {
      head = await readHead()
      if (head !== before) tell()
    } catch {
      tell() // each finds out for itself what is wrong with the store
    }
    isToLook = false
    if (news.listenerCount('written') > 0) lookLater()
  }

  return {
    tell,
    mark: () => told,
    async newsSince(mark, ms, signal) {
      if (told !== mark || signal?.aborted) return told !== mark
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(end)
          news.off('written', done)
          signal?.removeEventListener('abort', done)
          resolve()
        }
        const end = setTimeout(done, ms)
        news.on('written', done)
        signal?.addEventListener('abort', done)
        lookLater()
      })
      return told !== mark
    },
  }
}
