import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface RecordingUpstream {
  readonly url: string
  /** The bytes of each request it was sent, as Latin-1, oldest first. */
  readonly requests: string[]
  /** How many bytes it was sent, whole requests or not. */
  received(): number
  /** What it says to the next requests, also by itself on their socket; by default 200 and the request's own target. */
  answerWith(answer: ((request: string, socket: Socket) => string) | null): void
  close(): Promise<void>
}

/**
 * An upstream on a bare socket: it records bytes, not one parser's idea of them. It reads a request as the most gullible
 * server would: without a Content-Length or a chunked coding that it knows, whatever follows the head is the next request.
 */
export async function startRecordingUpstream(): Promise<RecordingUpstream> {
  const requests: string[] = []
  let received = 0
  let answer: ((request: string, socket: Socket) => string) | null = null
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    let pending = ''
    socket.on('data', (bytes) => {
      received += bytes.length
      pending += bytes.toString('latin1')
      for (let length = requestLength(pending); length !== null; length = requestLength(pending)) {
        const request = pending.slice(0, length)
        pending = pending.slice(length)
        requests.push(request)
        socket.write(Buffer.from((answer ?? echo)(request, socket), 'latin1'))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    received: () => received,
    answerWith(next) {
      answer = next
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

/** Where the first request in these bytes ends; null when it is not all there. */
function requestLength(bytes: string): number | null {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return null
  const head = bytes.slice(0, headEnd)
  const body = headEnd + 4
  if (/^transfer-encoding: *chunked *$/im.test(head)) {
    const end = bytes.indexOf('0\r\n\r\n', body)
    return end === -1 ? null : end + 5
  }
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  return bytes.length >= body + length ? body + length : null
}

function echo(request: string): string {
  const target = request.split(' ')[1] ?? ''
  return `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${target.length}\r\n\r\n${target}`
}

/** The head of a recorded request, by lower-case name; a name that stood twice has both values. */
export function headersOf(request: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const line of request.slice(0, request.indexOf('\r\n\r\n')).split('\r\n').slice(1)) {
    const at = line.indexOf(':')
    const name = line.slice(0, at).toLowerCase()
    const value = line.slice(at + 1).trim()
    headers.set(name, headers.has(name) ? `${headers.get(name)} + ${value}` : value)
  }
  return headers
}
