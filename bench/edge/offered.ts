import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, emptyTally, openConnection } from './connections.ts'
import { cpuTimeUs } from './cpu-time.ts'

export type Offer = {
  readonly ordinaryPerSecond: number
  readonly moneyPerSecond: number
  /** Of ordinary clients; those who pay have `MONEY_CONNECTIONS` of their own. */
  readonly connections: number
  readonly warmMs: number
  readonly measureMs: number
}

/** What became of the requests that were due in the measured part, but for those that were refused. */
export type Outcomes = {
  offered: number
  /** Answered with 2xx within the deadline. */
  good: number
  /** Answered with 503 in the measured part, whenever it was sent: under many clients that is seconds before. */
  refused: number
  /** Answered with 2xx, but after the deadline. */
  late: number
  /** Due while every connection waited for an answer: its client gave up. */
  unsent: number
  /** Answers of another status. */
  other: number
  p50Ms: number
  p99Ms: number
}
/** `proxyUs`: processor time of the proxy within the measured part; null where the system does not tell. */
export type Offered = { readonly ordinary: Outcomes; readonly money: Outcomes; readonly proxyUs: number | null }

type Class = {
  readonly requests: readonly Buffer[]
  readonly perSecond: number
  readonly free: Connection[]
  readonly outcomes: Outcomes
  readonly tookMs: number[]
  due: number
}

const MONEY_CONNECTIONS = 64
const REFUSED = 503
/** What clients wait for: an answer that comes later is of no use to them. */
const DEADLINE_MS = 1_000

/** Opened at once: one after the other, thousands would take so long that the first are closed for their silence. */
const OPENED_AT_ONCE = 64
/** The clients sleep in between, as at the peak that this is held against: looking all the time they would take a core. */
const LOOK_EVERY_MS = 1

/**
 * Requests that come at their rate, whatever becomes of those before: each takes a connection that is free at the moment, and
 * is not sent when there is none. Timed from the moment at which it was sent.
 */
export async function runOffered(
  { port, pid }: { readonly port: number; readonly pid: number },
  requests: { readonly ordinary: readonly Buffer[]; readonly money: readonly Buffer[] },
  { ordinaryPerSecond, moneyPerSecond, connections, warmMs, measureMs }: Offer,
): Promise<Offered> {
  const sockets: Socket[] = []
  const sentAt = new Map<Connection, number>()
  let broken: Error | null = null
  let from = Number.POSITIVE_INFINITY
  let until = Number.POSITIVE_INFINITY

  const open = async (requests: readonly Buffer[], perSecond: number, count: number): Promise<Class> => {
    const group: Class = { requests, perSecond, free: [], outcomes: noOutcomes(), tookMs: [], due: 0 }
    const answered = (connection: Connection, status: number): void => {
      group.free.push(connection)
      const [at, now] = [sentAt.get(connection) ?? 0, performance.now()]
      const counted = status === REFUSED ? now : at
      if (counted >= from && counted < until) note(group, status, now - at)
    }
    const openOne = async (): Promise<void> => {
      const { connection, socket } = await openConnection(port, emptyTally(), answered, (error) => {
        broken ??= error
      })
      sockets.push(socket)
      group.free.push(connection)
    }
    for (let n = 0; n < count; n += OPENED_AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(OPENED_AT_ONCE, count - n) }, openOne))
    }
    return group
  }
  const ordinary = await open(requests.ordinary, ordinaryPerSecond, connections)
  const money = await open(requests.money, moneyPerSecond, MONEY_CONNECTIONS)

  const usedAt: (number | null)[] = []
  const startedAt = performance.now()
  from = startedAt + warmMs
  until = from + measureMs
  await everyMs((now) => {
    for (const group of [ordinary, money]) {
      const due = ((Math.min(now, until) - startedAt) * group.perSecond) / 1_000
      for (; group.due < due; group.due++) offer(group, sentAt, now >= from && now < until)
    }
    if (now >= from && usedAt.length === 0) usedAt.push(cpuTimeUs(pid))
    if (now >= until && usedAt.length === 1) usedAt.push(cpuTimeUs(pid))
    if (broken !== null) throw broken
    return now > until + DEADLINE_MS
  })
  for (const socket of sockets) socket.destroy()
  const [before = null, after = null] = usedAt
  const proxyUs = before === null || after === null ? null : after - before
  return { ordinary: withTimes(ordinary), money: withTimes(money), proxyUs }
}

function offer({ requests, free, outcomes, due }: Class, sentAt: Map<Connection, number>, counts: boolean): void {
  if (counts) outcomes.offered += 1
  const connection = free.pop()
  if (connection === undefined) {
    if (counts) outcomes.unsent += 1
    return
  }
  sentAt.set(connection, performance.now())
  connection.send(requests[due % requests.length] as Buffer)
}

function note({ outcomes, tookMs }: Class, status: number, ms: number): void {
  if (status === REFUSED) outcomes.refused += 1
  else if (status >= 300) outcomes.other += 1
  else if (ms > DEADLINE_MS) outcomes.late += 1
  else outcomes.good += 1
  if (status < 300) tookMs.push(ms)
}

function withTimes({ outcomes, tookMs }: Class): Outcomes {
  const sorted = tookMs.sort((a, b) => a - b)
  const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? Number.NaN) * 10) / 10
  return { ...outcomes, p50Ms: at(0.5), p99Ms: at(0.99) }
}

function noOutcomes(): Outcomes {
  return { offered: 0, good: 0, refused: 0, late: 0, unsent: 0, other: 0, p50Ms: 0, p99Ms: 0 }
}

async function everyMs(isDone: (nowMs: number) => boolean): Promise<void> {
  while (!isDone(performance.now())) await sleep(LOOK_EVERY_MS)
}
