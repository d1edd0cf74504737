import { EventEmitter, once } from 'node:events'
import type { Outbox } from '../../platform/outbox.ts'
import { isFinal, type Operation } from './model.ts'
import { listStates, newestVersions } from './store.ts'

/** Another process may have changed them: how often there is one look for all who wait. */
const LOOK_MS = 1_000

/** Tells those who wait for an operation when it changes. */
export type OperationWatch = {
  /** The outbox's, which wake who follows the operations that they changed. */
  readonly transaction: Outbox['transaction']
  readonly atOnce: Outbox['atOnce']
  readonly pack: Outbox['pack']
  /** Each state of the operation after a version, as it comes, until the final one or the signal. */
  follow(operation: string, after: number, signal: AbortSignal): AsyncGenerator<Operation, void, undefined>
  /** Ends everyone's waiting. */
  close(): void
}

export function createOperationWatch(outbox: Outbox): OperationWatch {
  const changes = new EventEmitter().setMaxListeners(0)
  const closing = new AbortController()
  /** By the turn of each who waits. */
  const waiting = new Map<object, { readonly operation: string; readonly seen: number }>()
  let isToLook = false

  function lookLater(): void {
    if (isToLook || waiting.size === 0) return
    isToLook = true
    setTimeout(look, LOOK_MS).unref()
  }

  async function look(): Promise<void> {
    const asked = [...waiting.values()]
    const ids = [...new Set(asked.map(({ operation }) => operation))]
    const newest = await outbox.transaction((sql) => newestVersions(sql, ids)).catch(() => null) // else the next look tells
    for (const { operation, seen } of asked) if ((newest?.get(operation) ?? 0) > seen) changes.emit(operation)
    isToLook = false
    lookLater()
  }

  return {
    async transaction(work) {
      const changed = new Set<string>()
      const result = await outbox.transaction((sql, emit) =>
        work(sql, (happening) => {
          if (happening.type.startsWith('operation.')) changed.add(happening.subject)
          emit(happening)
        }),
      )
      for (const operation of changed) changes.emit(operation)
      return result
    },

    async atOnce(statements, events, conclude) {
      await outbox.atOnce(statements, events, conclude)
      if (waiting.size === 0) return // to look for who listens costs as much as to tell them
      for (const { type, subject } of events.happenings) if (type.startsWith('operation.')) changes.emit(subject)
    },

    pack: outbox.pack,

    async *follow(operation, after, signal) {
      let seen = after
      const end = AbortSignal.any([signal, closing.signal])
      while (!end.aborted) {
        const turn = new AbortController()
        const waits = { signal: AbortSignal.any([end, turn.signal]) }
        try {
          const changed = once(changes, operation, waits).catch(() => null) // before looking, so that no change is missed
          waiting.set(turn, { operation, seen })
          lookLater()
          const states = await outbox.transaction((sql) => listStates(sql, operation, seen))
          for (const state of states) {
            seen = state.version
            yield state
            if (isFinal(state.state)) return
          }
          if (states.length === 0) await changed
        } finally {
          waiting.delete(turn)
          turn.abort()
        }
      }
    },

    close: () => closing.abort(),
  }
}
