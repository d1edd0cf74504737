import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Arm, Order, Report } from './ledger-process.ts'

/** A ledger that runs in a process of its own. */
export type StartedLedger = {
  readonly port: number
  /** Answers once it listens for the point. */
  arm(arm: Omit<Arm, 'kind'>): Promise<void>
  /** -1: its database does not answer. */
  workLeft(): Promise<number>
  judge(): Promise<readonly string[]>
  kill(): void
  /** Answers when it has ended, or has ended its server. */
  struck(): Promise<void>
  readonly ended: Promise<void>
}

const FILE = fileURLToPath(new URL('./ledger-process.ts', import.meta.url))

/** `arm`: what it is told before it does anything. */
export async function startLedger(
  environment: Readonly<Record<string, string>>,
  arm: Omit<Arm, 'kind'> | null = null,
): Promise<StartedLedger> {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const env = { PATH, NODE_COMPILE_CACHE, ARM: JSON.stringify(arm), ...environment }
  const child = spawn(process.execPath, [FILE], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const reports = new EventEmitter()
  let killed = Promise.withResolvers<void>()
  child.on('message', (report: Report) => {
    if (report.kind === 'killed the server') killed.resolve()
    reports.emit(report.kind, report)
  })
  const ended = once(child, 'exit').then(() => {})
  const next = async <Kind extends Report['kind']>(kind: Kind): Promise<Extract<Report, { kind: Kind }>> => {
    const stop = new AbortController()
    const report = once(reports, kind, { signal: stop.signal }).then(([report]) => report)
    const early = ended.then(() => Promise.reject(new Error(`the ledger ended: ${child.exitCode ?? child.signalCode}`)))
    return Promise.race([report, early]).finally(() => stop.abort())
  }
  const tell = (order: Order): void => void child.send(order, () => {}) // it may be gone
  const { port } = await next('ready')
  return {
    port,
    async arm(arm) {
      const isArmed = next('armed')
      tell({ kind: 'arm', ...arm })
      await isArmed.catch(() => {}) // it came there at once
    },
    async workLeft() {
      const answer = next('work left')
      tell({ kind: 'count work' })
      return (await answer).count
    },
    async judge() {
      const answer = next('judged')
      tell({ kind: 'judge' })
      return (await answer).findings
    },
    kill: () => void end(child),
    async struck() {
      await Promise.race([killed.promise, ended])
      killed = Promise.withResolvers()
    },
    ended,
  }
}

function end(child: ChildProcess): void {
  child.kill('SIGKILL')
}
