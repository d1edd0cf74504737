import { connect, type Socket } from 'node:net'

/** What became of the requests of a client, or of several. */
export type Tally = {
  answered: number
  /** Sent on a connection that ended without a byte of an answer. */
  lost: number
  /** The same, of the first request on a connection: the kernel took it, and no process ever did. */
  notTaken: number
  /** Answers that broke off. */
  cut: number
  /** Connections that were refused, or reset before the request was written. */
  notConnected: number
  statuses: Record<number, number>
}

export function newTally(): Tally {
  return { answered: 0, lost: 0, notTaken: 0, cut: 0, notConnected: 0, statuses: {} }
}

type Reply = { readonly status: number; readonly close: boolean } | 'lost' | 'cut'

/**
 * A client as a balancer is one: it sends the next request on its connection once the last one is answered, opens another when
 * it was told to close this one, and opens none while `mayConnect` says no. Ends when `mayConnect` does, or `until` is aborted.
 */
export async function callSteadily(
  port: number,
  request: string,
  tally: Tally,
  { mayConnect, until }: { readonly mayConnect: () => boolean; readonly until: AbortSignal },
): Promise<void> {
  while (mayConnect() && !until.aborted) {
    const socket = await open(port)
    if (socket === null) {
      tally.notConnected += 1
      continue
    }
    for (let [open, first] = [true, true]; open && !until.aborted; first = false) {
      const reply = await call(socket, request)
      if (typeof reply === 'string') tally[reply === 'lost' && first ? 'notTaken' : reply] += 1
      else {
        tally.answered += 1
        tally.statuses[reply.status] = (tally.statuses[reply.status] ?? 0) + 1
      }
      open = typeof reply !== 'string' && !reply.close
    }
    socket.destroy()
  }
}

function open(port: number): Promise<Socket | null> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => done(null)).once('connect', () => done(socket.setNoDelay(true)))
  })
}

/** One request on a connection, answered with a Content-Length. */
function call(socket: Socket, request: string): Promise<Reply> {
  return new Promise((done) => {
    let received = ''
    const end = (reply: Reply): void => {
      socket.removeAllListeners()
      socket.on('error', () => {})
      done(reply)
    }
    const ended = (): void => end(received === '' ? 'lost' : 'cut')
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1')
      const head = received.indexOf('\r\n\r\n')
      if (head === -1) return
      const length = Number(/^content-length: (\d+)/im.exec(received)?.[1])
      if (received.length < head + 4 + length) return
      end({ status: Number(received.slice(9, 12)), close: /^connection: close/im.test(received) })
    })
    for (const event of ['end', 'close', 'error']) socket.on(event, ended)
    socket.write(request, 'latin1')
  })
}
