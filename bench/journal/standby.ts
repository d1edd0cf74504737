import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '../../test/support/postgres.ts'
import { medianOf } from '../edge/samples.ts'
import { createDatabase } from './ledgers.ts'

const FILE = fileURLToPath(new URL('./standby-process.ts', import.meta.url))
const ROUNDS = 3
/** So long the one that stands by has seen the other one's beats. */
const STANDS_BY_MS = 3_000

/** From when the leading process is killed, or stopped, to when the one that stands by has moved money; medians, in seconds. */
export async function measureStandby(): Promise<{ readonly killed_s: number; readonly stopped_s: number }> {
  const server = await startPostgres()
  const started: ChildProcess[] = []
  try {
    const [database = '', ...stores] = await Promise.all(
      ['ledger', 'a', 'b', 'c'].map((name) => createDatabase(server.url, `standby_${name}`)),
    )
    const start = async (): Promise<{ readonly child: ChildProcess; readonly serving: Promise<unknown> }> => {
      const env = { ...process.env, DATABASE: database, STORES: stores.join(' ') }
      const child = spawn(process.execPath, [FILE], { env, stdio: ['ignore', 'pipe', 'inherit'] })
      started.push(child)
      return { child, serving: once(createInterface(child.stdout), 'line') }
    }
    let leader = await start()
    await leader.serving
    const seconds = { SIGKILL: [] as number[], SIGSTOP: [] as number[] }
    for (let round = 0; round < ROUNDS; round++) {
      for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
        const standby = await start()
        await sleep(STANDS_BY_MS)
        const begin = performance.now()
        leader.child.kill(signal)
        await standby.serving
        seconds[signal].push((performance.now() - begin) / 1_000)
        leader.child.kill('SIGKILL')
        leader = standby
      }
    }
    return { killed_s: medianOf(seconds.SIGKILL), stopped_s: medianOf(seconds.SIGSTOP) }
  } finally {
    for (const child of started) child.kill('SIGKILL')
    await server.stop()
  }
}
