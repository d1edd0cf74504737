import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, emptyTally, openConnection, type Tally } from './connections.ts'

/** Where no other number is asked for. */
export const CONNECTIONS = 64
const LOOK_EVERY_MS = 5

/** A warm-up that is not measured, then what is. By requests, each of them is sent once, in their order. */
export type Span = { readonly unit: 'ms' | 'requests'; readonly warm: number; readonly measure: number }

export type ClosedRun = {
  readonly tally: Tally
  /** Of the measured part alone. */
  readonly answers: number
  readonly ms: number
}

/**
 * So many clients, each of which asks again as soon as it is answered: what the proxy can do at most. `mark` is called where the
 * measured part begins and where it ends. Every request that was sent is answered when the run is over.
 */
export async function runClosed(
  port: number,
  requests: readonly Buffer[],
  { unit, warm, measure }: Span,
  connections: number,
  mark: () => void,
): Promise<ClosedRun> {
  const tally = emptyTally()
  let sent = 0
  let stopAt = unit === 'requests' ? warm + measure : Number.POSITIVE_INFINITY
  const next = (connection: Connection): void => {
    if (sent >= stopAt) return
    connection.send(requests[sent % requests.length] as Buffer)
    sent += 1
  }
  const open = await openAll(port, connections, tally, next)
  /** `ms` from now, or until so many answers came in all. */
  const passed = (ms: number, answers: number): Promise<unknown> =>
    Promise.race([unit === 'ms' ? sleep(ms) : answered(tally, answers), open.broken])
  for (const connection of open.connections) next(connection)
  await passed(warm, warm)
  mark()
  const [startedAt, before] = [performance.now(), tally.answers]
  await passed(measure, warm + measure)
  const [ms, answers] = [performance.now() - startedAt, tally.answers - before]
  mark()
  stopAt = sent
  await Promise.race([answered(tally, sent), open.broken])
  open.close()
  return { tally, answers, ms }
}

export type PacedRun = { readonly tally: Tally; readonly p50Ms: number; readonly p99Ms: number }

/** What is asked first warms both sides up and is not looked at. */
const WARM_SHARE = 0.2

/**
 * Requests at a steady pace, whether or not those before were answered. Each is timed from the moment it was due, so that
 * a proxy which stops answering is not spared the requests that nobody could send meanwhile.
 */
export async function runPaced(
  port: number,
  requests: readonly Buffer[],
  perSecond: number,
  measureMs: number,
): Promise<PacedRun> {
  const tally = emptyTally()
  const total = Math.floor((perSecond * measureMs) / 1_000)
  const dueAt = new Map<Connection, number>()
  const tookMs: number[] = []
  const open = await openAll(port, CONNECTIONS, tally, (connection) => {
    tookMs.push(performance.now() - (dueAt.get(connection) ?? 0))
    free.push(connection)
  })
  const free = [...open.connections]
  const startedAt = performance.now()
  let sent = 0
  await Promise.race([
    until(() => {
      const due = Math.min(total, ((performance.now() - startedAt) * perSecond) / 1_000)
      while (sent < due && free.length > 0) {
        const connection = free.pop() as Connection
        dueAt.set(connection, startedAt + (sent * 1_000) / perSecond)
        connection.send(requests[sent % requests.length] as Buffer)
        sent += 1
      }
      return tally.answers === total
    }),
    open.broken,
  ])
  open.close()
  const sorted = tookMs.slice(Math.floor(total * WARM_SHARE)).sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return { tally, p50Ms: at(0.5), p99Ms: at(0.99) }
}

async function answered(tally: Tally, count: number): Promise<void> {
  while (tally.answers < count) await sleep(LOOK_EVERY_MS)
}

/** Looks again in every turn of the event loop: a timer would be a millisecond late. */
function until(isDone: () => boolean): Promise<void> {
  return new Promise((done) => {
    const look = (): void => void (isDone() ? done() : setImmediate(look))
    look()
  })
}

/** `broken` never fulfils; it rejects when a connection fails before it is closed here. */
async function openAll(port: number, count: number, tally: Tally, answered: (connection: Connection) => void) {
  const opened: { readonly connection: Connection; readonly socket: Socket }[] = []
  let closing = false
  const { promise: broken, reject } = Promise.withResolvers<never>()
  const fail = (error: Error): void => void (closing || reject(error))
  for (let n = 0; n < count; n++) opened.push(await openConnection(port, tally, answered, fail))
  return {
    connections: opened.map(({ connection }) => connection),
    broken,
    close() {
      closing = true
      for (const { socket } of opened) socket.destroy()
    },
  }
}
