import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { ReceivedAnswer } from '../../../../src/edge/upstream/http1/answer-reader.ts'
import type { Carrier, Failure } from '../../../../src/edge/upstream/http1/attempt.ts'
import type { ConnectionPool } from '../../../../src/edge/upstream/http1/connection-pool.ts'
import { fieldLines } from '../../../../src/edge/upstream/http1/request-bytes.ts'

export type Ended = { readonly answer: ReceivedAnswer } | { readonly failure: Failure }
type Asked = {
  method?: string
  path?: string
  headers?: Record<string, string>
  body?: Buffer | null
  isOver?: () => boolean
}

/** Sends a request by this pool, and tells what it came to. `sending` may refuse it. */
export function ask(pool: ConnectionPool, asked: Asked = {}, sending?: (carrier: Carrier) => boolean): Promise<Ended> {
  const { method = 'GET', path = '/', headers = {}, body = null, isOver = () => false } = asked
  return new Promise((done) =>
    pool.send({
      ...{ method, path, body, lines: fieldLines(headers) },
      get isOver() {
        return isOver()
      },
      sending: sending ?? (() => true),
      answered: (answer) => done({ answer }),
      failed: (failure) => done({ failure }),
    }),
  )
}

export const textOf = (ended: Ended): string => ('answer' in ended ? ended.answer.body.toString() : ended.failure)

/** What a server on bare sockets does with the bytes that it is sent; `nth` counts them by connection. */
export type Act = (socket: Socket, bytes: Buffer, nth: number) => void

export class BareServer {
  readonly received: string[] = []
  readonly sockets: Socket[] = []
  act: Act = () => {}
  readonly #server: Server

  constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => {
      let nth = 0
      this.sockets.push(socket)
      socket.on('error', () => {})
      socket.on('data', (bytes) => {
        this.received.push((bytes as Buffer).toString('latin1'))
        this.act(socket, bytes as Buffer, nth++)
      })
    })
  }

  async listen(host = '127.0.0.1'): Promise<string> {
    this.#server.listen(0, host)
    await once(this.#server, 'listening')
    const { port } = this.#server.address() as AddressInfo
    return host.includes(':') ? `http://[${host}]:${port}` : `http://${host}:${port}`
  }

  close(): void {
    this.#server.close()
    for (const socket of this.sockets) socket.destroy()
  }
}
