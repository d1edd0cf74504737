import { setImmediate as afterRequests } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Instant } from '../kernel/clock.ts'
import type { Bundle } from '../policy/index.ts'
import type { CheckAnswer, CheckAsk, CheckOptions } from './policy-checker.ts'
import { assembleAt, type Content, type Shipment, unpack } from './policy-pieces.ts'

/** A check's answer, with the bundle made of what was checked. */
export type Compiled =
  | Exclude<CheckAnswer, { kind: 'checked' }>
  | {
      readonly kind: 'compiled'
      readonly edition: string
      readonly bundle: Bundle
      readonly content: Content
      readonly warnings: number
      readonly notKept: string | null
    }

/** Compiles policies beside the requests: checked in a thread of its own, assembled here in slices. */
export interface PolicyCompiler {
  /** One at a time. Never throws: what ends the check (time, memory, a bug) refuses the edition. */
  compile(ask: CheckAsk): Promise<Compiled>
  /** The same content at a later time, without what has lapsed by then. Asks neither the disk nor the thread. */
  compileAt(content: Content, now: Instant): Promise<Bundle>
  close(): Promise<void>
}

type Found = Omit<Extract<CheckAnswer, { kind: 'checked' }>, 'checked' | 'rules'>

/** What the thread begins with. */
export type WorkerData = { readonly history: string; readonly options: CheckOptions }
/** What the thread says of the ask with this id. */
export type WorkerSays = { readonly id: number } & (
  | { readonly kind: 'read'; readonly edition: string }
  | { readonly kind: 'answer'; readonly answer: Exclude<CheckAnswer, { kind: 'checked' }> }
  | { readonly kind: 'checked'; readonly answer: Found; readonly shipment: Shipment }
)

const CHECK_MS_MAX = 30_000
const HEAP_MB_MAX = 2_048
/** How long requests wait at most while a bundle is assembled, the last slice not counted. */
const SLICE_MS_MAX = 1

/** `history`: the folder of the bundles that served. The thread is started when it is needed and after it has ended. */
export function createPolicyCompiler(history: string, options: CheckOptions): PolicyCompiler {
  let worker: Worker | null = null
  let asked = 0
  let closed = false

  function start(): Worker {
    const started = new Worker(new URL('./policy-worker.ts', import.meta.url), {
      workerData: { history, options } satisfies WorkerData,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    })
    started.once('exit', () => {
      if (worker === started) worker = null
    })
    return started
  }

  async function check(ask: CheckAsk): Promise<Exclude<WorkerSays, { kind: 'read' }>> {
    asked += 1
    const id = asked
    worker ??= start()
    const running = worker
    running.ref() // a start waits for it; once it serves, the listeners keep the process
    const { promise, resolve, reject } = Promise.withResolvers<Exclude<WorkerSays, { kind: 'read' }>>()
    let edition: string | null = null
    const hear = (said: WorkerSays): void => {
      if (said.id !== id) return
      if (said.kind === 'read') edition = said.edition
      else resolve(said)
    }
    const end = (): void => reject(new Error('the thread that checks policies has ended'))
    const late = setTimeout(() => reject(new Error(`the check takes longer than ${CHECK_MS_MAX} ms`)), CHECK_MS_MAX)
    running.on('message', hear).once('error', reject).once('exit', end)
    running.postMessage({ id, ask })
    try {
      return await promise
    } catch (error) {
      if (worker === running) worker = null
      await running.terminate() // its next ask would wait behind this one
      const reason = error instanceof Error ? error.message : String(error)
      if (closed) return { id, kind: 'answer', answer: { kind: 'unchanged' } }
      // An edition that ended the thread once would end it again: it is not read until it changes.
      const answer = edition === null ? unreadable(reason) : refused(edition, reason)
      return { id, kind: 'answer', answer }
    } finally {
      clearTimeout(late)
      running.off('message', hear).off('error', reject).off('exit', end)
      if (!closed) running.unref()
    }
  }

  return {
    async compile(ask) {
      const said = await check(ask)
      if (said.kind === 'answer') return said.answer
      const { edition, warnings, notKept } = said.answer
      try {
        const { bundle, content } = await betweenRequests(unpack(said.shipment))
        return { kind: 'compiled', edition, bundle, content, warnings, notKept }
      } catch (error) {
        return refused(edition, `what was checked can not be assembled: ${String(error)}`)
      } finally {
        said.shipment.port.close()
      }
    },
    compileAt: (content, now) => betweenRequests(assembleAt(content, now)),
    async close() {
      closed = true
      worker?.ref() // or the process could end before the thread has
      await worker?.terminate()
    },
  }
}

const unreadable = (reason: string) => ({ kind: 'unreadable', reason }) as const
const refused = (edition: string, reason: string) => ({ kind: 'refused', edition, errors: [reason] }) as const

async function betweenRequests<T>(assembly: Generator<void, T, void>): Promise<T> {
  for (;;) {
    const until = performance.now() + SLICE_MS_MAX
    do {
      const step = assembly.next()
      if (step.done) return step.value
    } while (performance.now() < until)
    await afterRequests()
  }
}
