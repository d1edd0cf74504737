import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Answers, Order, Report } from './ledger-process.ts'

const FILE = fileURLToPath(new URL('./ledger-process.ts', import.meta.url))
const ANSWER_MS_MAX = 60_000
const WAKE_EVERY_MS = 100

export type Journal = { readonly database: string; readonly stores: readonly string[]; readonly isShared: boolean }

/** A cash flow in a process of its own, which kills or stops itself where it is told to. */
export type Ledger = {
  readonly name: string
  /** Null: it ended before it answered. @throws Error after a minute, with what was asked of whom */
  ask<Kind extends Order['kind']>(order: Extract<Order, { kind: Kind }>): Promise<Answers[Kind] | null>
  /** Whether it has struck itself since it was armed; of one that stopped this is certain once it has answered. */
  hasStruck(): boolean
  hasEnded(): boolean
  /** Wakes it until this is settled, again and again: on a busy machine it may not have stopped yet. */
  wakeUntil<T>(settled: Promise<T>): Promise<T>
  kill(): Promise<void>
}

export function startLedger({ database, stores }: Journal, name: string): Ledger {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const env = { PATH, NODE_COMPILE_CACHE, DATABASE: database, STORES: stores.join(' ') }
  const child = spawn(process.execPath, [FILE], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  const ended = once(child, 'exit').then(() => null)
  const waiting = new Map<number, (answer: unknown) => void>()
  let asked = 0
  let struck = false
  let isKilledFromOutside = false
  child.on('message', (report: Report) => {
    if (report.kind === 'struck') struck = true
    else waiting.get(report.to)?.(report.answer)
  })

  return {
    name,
    async ask(order) {
      if (order.kind === 'arm') struck = false
      asked += 1
      const to = asked
      const answer = new Promise<unknown>((done) => waiting.set(to, done))
      child.send({ to, order }, () => {}) // it may be gone
      const what = `${name} to answer ${JSON.stringify(order)}`
      const found = await within(Promise.race([answer, ended]), what).finally(() => waiting.delete(to))
      return found as Answers[typeof order.kind] | null
    },
    hasEnded,
    hasStruck: () => struck || (child.signalCode === 'SIGKILL' && !isKilledFromOutside),
    async wakeUntil(settled) {
      const waking = setInterval(() => child.kill('SIGCONT'), WAKE_EVERY_MS)
      child.kill('SIGCONT')
      return settled.finally(() => clearInterval(waking))
    },
    async kill() {
      if (hasEnded()) return
      isKilledFromOutside = true
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function within<T>(wished: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`waited ${ANSWER_MS_MAX} ms for ${what}`)), ANSWER_MS_MAX)
  return Promise.race([wished, late.promise]).finally(() => clearTimeout(timer))
}
