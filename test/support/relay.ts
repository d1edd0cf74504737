import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { findFreePort } from '../../src/cli/demo/free-ports.ts'

/**
 * What the way to a server does. `pass`: nothing. `refuse`: nobody listens. `cut`: takes the connection, reads the request
 * and hangs up; the server sees nothing. `lose`: the server gets the request and acts; its answer is lost. `hang`: the
 * same, but the connection stays open and silent. `slow`: it acts, and each piece of its answer comes late. `reset`: it
 * acts, and the connection is reset in the middle of its answer. `error` and `garbage`: the server sees nothing, and its
 * answer is an error of its protocol, or of none.
 */
export type RelayMode = 'pass' | 'refuse' | 'cut' | 'lose' | 'hang' | 'slow' | 'reset' | 'error' | 'garbage'

/** How a protocol says that the server fails, and where a reset of its answer hurts most. */
export type RelayProtocol = {
  readonly error: Buffer
  /** The answer to what the client sent with this text is the one that is reset; to anything when null. */
  readonly resetAfter: string | null
}

export const HTTP: RelayProtocol = {
  error: Buffer.from('HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}'),
  resetAfter: null,
}

export interface Relay {
  readonly url: string
  /** Where to pass bytes on to: known once the platform has chosen its ports. */
  leadTo(url: string): void
  /** Ends what is connected, and treats what comes from now on in this way. */
  become(mode: RelayMode): Promise<void>
  /** Connections taken since the start. */
  taken(): number
  close(): Promise<void>
}

const GARBAGE = Buffer.from('\u0016\u0003garbage, and nothing else\r\n\r\n'.repeat(4))
/** So much of an answer gets through before the reset: of HTTP, less than its head. */
const RESET_AFTER_BYTES = 20
const SLOW_MS = 1_000

/** A TCP relay in front of a real server, so that a test can lose what real networks lose. */
export async function startRelay({
  protocol = HTTP,
  slowMs = SLOW_MS,
}: {
  readonly protocol?: RelayProtocol
  readonly slowMs?: number
} = {}): Promise<Relay> {
  let mode: RelayMode = 'pass'
  let target = new URL('http://127.0.0.1:1')
  let taken = 0
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    taken += 1
    keep(client)
    if (mode === 'cut') return void client.once('data', () => client.destroy())
    if (mode === 'error') return void client.once('data', () => client.end(protocol.error))
    if (mode === 'garbage') return void client.once('data', () => client.end(GARBAGE))
    const service = keep(connect(Number(target.port), target.hostname))
    client.once('close', () => service.destroy())
    service.once('close', () => client.destroy())
    passAnswers(mode, service, client, { protocol, slowMs })
    client.pipe(service)
  })
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const port = await findFreePort() // none that an outgoing connection could take while this one refuses
  await listen(port)
  return {
    url: `http://127.0.0.1:${port}`,
    leadTo(url) {
      target = new URL(url)
    },
    async become(next) {
      mode = next
      if (server.listening && next === 'refuse') await stop(server, sockets)
      for (const socket of sockets) socket.destroy()
      if (!server.listening && next !== 'refuse') await listen(port)
    },
    taken: () => taken,
    close: () => stop(server, sockets),
  }
}

/** What becomes of the answers of a server that has acted. */
function passAnswers(
  mode: RelayMode,
  service: Socket,
  client: Socket,
  { protocol, slowMs }: { readonly protocol: RelayProtocol; readonly slowMs: number },
): void {
  if (mode === 'pass') service.pipe(client)
  else if (mode === 'lose') service.once('data', () => client.destroy())
  else if (mode === 'slow') service.on('data', (piece) => setTimeout(() => client.write(piece), slowMs).unref())
  else if (mode === 'reset') resetAnswer(service, client, protocol.resetAfter)
  else service.resume()
}

function resetAnswer(service: Socket, client: Socket, after: string | null): void {
  let isNext = after === null
  if (after !== null) {
    client.on('data', (piece) => {
      isNext ||= piece.includes(after)
    })
  }
  service.on('data', (piece: Buffer) => {
    if (!isNext) return void client.write(piece)
    client.write(piece.subarray(0, RESET_AFTER_BYTES), () => client.resetAndDestroy())
  })
}

async function stop(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  for (const socket of sockets) socket.destroy()
  await closed
}
