import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'

/** A socket that says exactly these bytes, and what came back on it. */
export interface RawSocket {
  write(bytes: string | Uint8Array): void
  /** Everything received so far, as Latin-1, one character a byte. */
  received(): string
  /** Waits until `done` is true of what was received, or the other side ended. @throws after the deadline */
  until(done: (received: string) => boolean): Promise<string>
  /** Waits until the other side has closed. @throws after the deadline */
  closed(): Promise<string>
  /** Reads no more: what comes waits on the other side. */
  pause(): void
  resume(): void
  /** Says that nothing more will be sent. */
  end(): void
  destroy(): void
  /** Ends it at once, and says so. */
  reset(): void
}

const DEADLINE_MS = 10_000

/** In plain, or encrypted where there are options for it. */
export async function openRawSocket(url: string, tls?: ConnectionOptions): Promise<RawSocket> {
  const { hostname, port } = new URL(url)
  const socket: Socket =
    tls === undefined ? connect(Number(port), hostname) : connectTls({ port: Number(port), host: hostname, ...tls })
  let received = ''
  let ended = false
  let wake = Promise.withResolvers<void>()
  const changed = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1')
    changed()
  })
  for (const event of ['end', 'close', 'error']) {
    socket.on(event, () => {
      ended = true
      changed()
    })
  }
  await once(socket, tls === undefined ? 'connect' : 'secureConnect')
  const wait = async (done: () => boolean): Promise<string> => {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true // and no end by the other side
      socket.destroy()
    }, DEADLINE_MS)
    while (!done() && !ended) await wake.promise
    clearTimeout(timer)
    if (isLate || !done()) throw new Error(`the connection ended, or nothing came, after: ${JSON.stringify(received)}`)
    return received
  }
  return {
    write: (bytes) => void socket.write(bytes),
    received: () => received,
    until: (done) => wait(() => done(received)),
    closed: () => wait(() => ended),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
  }
}

/** The status codes of the answers in what was received, in order. Bodies are ours: no text in them looks like a status line. */
export function statusesOf(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
}
