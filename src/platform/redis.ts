import { createHash } from 'node:crypto'
import type { RedisClientType } from '@redis/client'
import type { Environment } from './addresses.ts'
import type { Config } from './config-schema.ts'
import { keepDoing } from './every.ts'
import type { Log } from './log.ts'

/**
 * A Redis server that is not waited for. A command has a deadline; the first one that misses it, or a connection that ends,
 * and Redis counts as away: every command fails at once, those under way too, until a new connection has answered.
 */
export interface Redis {
  /** False while it is away. */
  readonly isReady: boolean
  /** Runs a script by its digest, or by its text where Redis does not know it yet. @throws when it is away */
  eval(script: string, call: { readonly keys: string[]; readonly arguments: string[] }): Promise<unknown>
  /** Remembers a name for so long. @returns whether it was new. @throws when it is away */
  remember(name: string, keptMs: number): Promise<boolean>
  /** @throws when it is away */
  remembers(name: string): Promise<boolean>
  /** @throws when it is away */
  forget(name: string): Promise<void>
  close(): Promise<void>
}

export type RedisOptions = {
  /** `redis://…` or `rediss://…`, with user and password where it needs them. */
  readonly url: string
  readonly timeoutMs: number
  readonly log: Log
}

/** The client is loaded when it is needed: most edges have no Redis, and it takes a tenth of a second. */
type Client = RedisClientType

const RETRY_MS = 250
const CONNECT_MS_MAX = 2_000

/** Where Redis is, by the environment or the configuration; null: nowhere. */
export function redisUrl({ redis }: Config, environment: Environment): string | null {
  return environment['TIDEGATE_REDIS_URL'] || (redis?.url ?? null)
}

/** Connects once; an edge that starts while Redis is away starts without it, and goes on trying. */
export async function openRedis({ url, timeoutMs, log }: RedisOptions): Promise<Redis> {
  const { createClient } = await import('@redis/client')
  const digests = new Map<string, string>()
  let client: Client | null = null
  let wasThere = true

  const leave = (left: Client | null, reason: unknown): void => {
    if (left?.isOpen === true) left.destroy() // what waits for it fails now
    if (client !== left && left !== null) return
    client = null
    if (wasThere)
      log.error({ err: reason }, 'redis: away; each edge counts for itself, or refuses, as the policies say')
    wasThere = false
  }

  const connect = async (): Promise<void> => {
    const made = createClient({
      url,
      disableOfflineQueue: true,
      socket: { connectTimeout: CONNECT_MS_MAX, reconnectStrategy: false },
    }) as Client
    made.on('error', (err) => leave(made, err))
    made.on('end', () => leave(made, new Error('the connection ended')))
    const deadline = setTimeout(() => leave(made, new Error('no answer to the greeting')), CONNECT_MS_MAX)
    try {
      await made.connect()
      client = made
      if (!wasThere) log.warn('redis: there again')
      wasThere = true
    } catch (err) {
      leave(made, err)
    } finally {
      clearTimeout(deadline)
    }
  }

  const ask = async <T>(command: (client: Client) => Promise<T>): Promise<T> => {
    const asked = client
    if (asked === null || !asked.isReady) throw new Error('redis is away')
    let isAnswered = false
    const check = (): void => {
      if (!isAnswered) leave(asked, new Error(`no answer within ${timeoutMs} ms`))
    }
    // Where it was this process that was slow, the answer may lie there unread: it is read first.
    const deadline = setTimeout(() => setImmediate(check), timeoutMs)
    try {
      return await command(asked)
    } finally {
      isAnswered = true
      clearTimeout(deadline)
    }
  }

  const digestOf = (script: string): string => {
    const digest = digests.get(script) ?? createHash('sha1').update(script).digest('hex')
    digests.set(script, digest)
    return digest
  }

  await connect()
  const round = keepDoing({
    name: 'redis',
    everyMs: RETRY_MS,
    log,
    async work() {
      if (client === null) await connect()
      return false
    },
  })
  return {
    get isReady() {
      return client?.isReady === true
    },
    eval: (script, call) =>
      ask((asked) =>
        asked.evalSha(digestOf(script), call).catch((error: unknown) => {
          if (!String(error).includes('NOSCRIPT')) throw error
          return asked.eval(script, call)
        }),
      ),
    remember: (name, keptMs) =>
      ask(async (asked) => {
        const answer = await asked.set(name, '', { condition: 'NX', expiration: { type: 'PX', value: keptMs } })
        return answer !== null
      }),
    remembers: (name) => ask(async (asked) => (await asked.exists(name)) === 1),
    forget: (name) => ask(async (asked) => void (await asked.del(name))),
    async close() {
      await round.close()
      const open = client
      client = null
      wasThere = false
      if (open?.isOpen === true) open.destroy()
    },
  }
}
