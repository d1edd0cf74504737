import { createServer } from 'node:net'
import { addressesFrom } from '../../platform/addresses.ts'

const LOWEST = 10_000
/** Below the ports that Linux hands out by itself (32768), so that no outgoing connection sits on one. */
const HIGHEST = 32_000
const TRIES_MAX = 100
const STARTS_MAX = 3

/** Starts something on free ports; again on others when another process was faster to take one. */
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
export async function findFreePorts(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const base = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST))
    const { edge, operator, service, sandbox } = addressesFrom({ TIDEGATE_PORT: String(base) })
    const listeners = [edge, operator, ...Object.values(service), ...Object.values(sandbox)]
    const free = await Promise.all(listeners.map(({ host, port }) => isFree(host, port)))
    if (free.every(Boolean)) return base
  }
  throw new Error(`no free ports were found between ${LOWEST} and ${HIGHEST}`)
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer()
    probe.once('error', () => done(false))
    probe.listen(port, host, () => probe.close(() => done(true)))
  })
}
