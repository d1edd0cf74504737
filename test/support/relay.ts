import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/**
 * What the way to a service does. `pass`: nothing. `refuse`: nobody listens. `cut`: takes the connection, reads the request
 * and hangs up; the service sees nothing. `lose`: the service gets the request and acts; its answer is lost. `hang`: the
 * same, but the connection stays open and silent.
 */
export type RelayMode = 'pass' | 'refuse' | 'cut' | 'lose' | 'hang'

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

/** A TCP relay in front of a real service, so that a test can lose what real networks lose. */
export async function startRelay(): Promise<Relay> {
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
    const service = keep(connect(Number(target.port), target.hostname))
    client.pipe(service)
    client.once('close', () => service.destroy())
    service.once('close', () => client.destroy())
    if (mode === 'pass') service.pipe(client)
    else if (mode === 'lose') service.once('data', () => client.destroy())
    else service.resume()
  })
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
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

async function stop(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  for (const socket of sockets) socket.destroy()
  await closed
}
