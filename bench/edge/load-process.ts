import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Asked, ClosedAnswer, OfferedAnswer, PacedAnswer, Places } from './load.ts'
import { LOAD_CORE, onCore } from './proxies.ts'

const LOAD = fileURLToPath(new URL('load.ts', import.meta.url))

/** Clients and upstream, in one process on a core that the proxies do not use. */
export type Load = {
  readonly places: Places
  closed(asked: Omit<Extract<Asked, { run: 'closed' }>, 'run'>): Promise<ClosedAnswer>
  paced(asked: Omit<Extract<Asked, { run: 'paced' }>, 'run'>): Promise<PacedAnswer>
  offered(asked: Omit<Extract<Asked, { run: 'offered' }>, 'run'>): Promise<OfferedAnswer>
  stop(): Promise<void>
}

export async function startLoad(): Promise<Load> {
  const [program, ...args] = onCore(LOAD_CORE, [process.execPath, LOAD])
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = once(child, 'close')
  const gone = ended.then(() => Promise.reject(new Error('the process with the clients ended')))
  gone.catch(() => {}) // where nobody waits for an answer it is as it should be
  const answer = async (): Promise<unknown> => (await Promise.race([once(child, 'message'), gone]))[0]
  const places = (await answer()) as Places
  const ask = (asked: Asked): Promise<unknown> => {
    child.send(asked)
    return answer()
  }
  return {
    places,
    closed: (asked) => ask({ run: 'closed', ...asked }) as Promise<ClosedAnswer>,
    paced: (asked) => ask({ run: 'paced', ...asked }) as Promise<PacedAnswer>,
    offered: (asked) => ask({ run: 'offered', ...asked }) as Promise<OfferedAnswer>,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
