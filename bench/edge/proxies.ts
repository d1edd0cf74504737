import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A proxy under test, in a process of its own. */
export type Contender = {
  readonly name: string
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

export type Command = readonly [program: string, ...args: string[]]

const TASKSET = '/usr/bin/taskset'
/** The proxy under test has a core to itself; clients and upstream share the other. */
const PROXY_CORE = 0
export const LOAD_CORE = 1
/** Whether processes can be held to a core: util-linux has the program, so Linux always, macOS never. */
export const isPinned = existsSync(TASKSET)

/** The command on one core, with all its threads, where the system can. */
export function onCore(core: number, command: Command): Command {
  return isPinned ? [TASKSET, '-c', `${core}`, ...command] : command
}

const START_MS_MAX = 20_000

/** Starts a proxy on its core (null: on any), and waits until it takes connections. */
export async function startProxy(
  name: string,
  port: number,
  command: Command,
  env: NodeJS.ProcessEnv = {},
  core: number | null = PROXY_CORE,
): Promise<Contender> {
  const [program, ...args] = core === null ? command : onCore(core, command)
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(child, 'close')
  const proxy = { name, port, pid: child.pid ?? 0, stop: () => stop(child, ended) }
  try {
    await Promise.race([takesConnections(port), ended.then(() => Promise.reject(new Error(`${name} did not start`)))])
    return proxy
  } catch (error) {
    await proxy.stop()
    throw error
  }
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM')
  await ended
}

async function takesConnections(port: number): Promise<void> {
  for (const end = performance.now() + START_MS_MAX; performance.now() < end; await sleep(50)) {
    if (await canConnect(port)) return
  }
  throw new Error(`nobody listens on ${port}`)
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => socket.end(() => done(true))).once('error', () => done(false))
  })
}
