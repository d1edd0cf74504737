import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { frame, joined } from './http-bytes.ts'

/** What came back, counted. */
export type Tally = {
  readonly byStatus: Record<number, number>
  answers: number
  /** Answers that say what is left of a quota. */
  metered: number
  /** Answers that name their receipt. */
  receipted: number
}

export type Connection = { send(request: Buffer): void }

export function emptyTally(): Tally {
  return { byStatus: {}, answers: 0, metered: 0, receipted: 0 }
}

/** A connection with one request on its way at most; `answered` is called when its answer has arrived whole. */
export async function openConnection(
  port: number,
  tally: Tally,
  answered: (connection: Connection, status: number) => void,
  broken: (error: Error) => void,
): Promise<{ readonly connection: Connection; readonly socket: Socket }> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const connection: Connection = { send: (request) => void socket.write(request) }
  let rest: Buffer | null = null
  socket.on('error', broken)
  socket.on('close', () => broken(new Error('the proxy closed a connection')))
  socket.on('data', (chunk: Buffer) => {
    const bytes = joined(rest, chunk)
    const framed = frame(bytes, 0)
    rest = framed === null ? bytes : null
    if (framed === null) return
    if (framed.end !== bytes.length) throw new Error('an answer came that nobody asked for')
    answered(connection, count(tally, framed.head))
  })
  return { connection, socket }
}

function count(tally: Tally, head: string): number {
  const status = Number(head.slice(9, 12))
  tally.answers += 1
  tally.byStatus[status] = (tally.byStatus[status] ?? 0) + 1
  if (head.includes('\r\nratelimit: "')) tally.metered += 1
  if (head.includes('\r\ntidegate-receipt: rcp_')) tally.receipted += 1
  return status
}
