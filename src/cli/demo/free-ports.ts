import { createServer } from 'node:net'
import { addressesFrom } from '../../platform/addresses.ts'

const LOWEST = 10_000
/** Below the ports that Linux hands out by itself (32768), so that no outgoing connection sits on one. */
const HIGHEST = 32_000
/** What one process has to itself; so many can be at it at once as blocks lie between lowest and highest. */
const BLOCK_PORTS = 1_000
/** From a platform's base port to the highest of its parts, with room. */
const PLATFORM_PORTS = 50
const TRIES_MAX = 100
const STARTS_MAX = 3

let block: Promise<number> | null = null
/** Behind what was given out last: what nobody listens on yet looks free, so it comes up again as late as can be. */
let cursor = 1

/** Starts something on free ports; again on others when a program that knows nothing of this was faster to take one. */
export async function onFreePorts<T>(start: (basePort: number) => Promise<T>): Promise<T> {
  for (let starts = 1; ; starts++) {
    try {
      return await start(await findFreePorts())
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || starts === STARTS_MAX) throw error
    }
  }
}

/** A base port P for `TIDEGATE_PORT`, such that every part's port on loopback is free at this moment. */
export function findFreePorts(): Promise<number> {
  return findFree(PLATFORM_PORTS, (base) => {
    const { edge, operator, service, sandbox } = addressesFrom({ TIDEGATE_PORT: String(base) })
    return [edge, operator, ...Object.values(service), ...Object.values(sandbox)]
  })
}

/** A single port that is free on loopback at this moment. */
export function findFreePort(): Promise<number> {
  return findFree(1, (port) => [{ host: '127.0.0.1', port }])
}

async function findFree(
  count: number,
  listenersAt: (base: number) => { host: string; port: number }[],
): Promise<number> {
  block ??= takeBlock()
  const first = await block
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (cursor + count > BLOCK_PORTS) cursor = 1
    const base = first + cursor
    cursor += count
    const free = await Promise.all(listenersAt(base).map(({ host, port }) => isFree(host, port)))
    if (free.every(Boolean)) return base
  }
  throw new Error(`no free ports were found between ${first} and ${first + BLOCK_PORTS}`)
}

/** A block that no other process has: it is whose listener is on its first port, for as long as that process lives. */
async function takeBlock(): Promise<number> {
  const blocks = Math.floor((HIGHEST - LOWEST) / BLOCK_PORTS)
  const start = Math.floor(Math.random() * blocks)
  for (let nth = 0; nth < blocks; nth++) {
    const first = LOWEST + ((start + nth) % blocks) * BLOCK_PORTS
    if (await keep(first)) return first
  }
  throw new Error(`every block of ports between ${LOWEST} and ${HIGHEST} is in use`)
}

function keep(port: number): Promise<boolean> {
  return new Promise((done) => {
    const keeper = createServer((socket) => socket.destroy()).unref()
    keeper.once('error', () => done(false))
    keeper.listen(port, '127.0.0.1', () => done(true))
  })
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer()
    probe.once('error', () => done(false))
    probe.listen(port, host, () => probe.close(() => done(true)))
  })
}
