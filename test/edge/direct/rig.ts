import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'
import { listenDirectly } from '../../../src/edge/direct/listener.ts'
import type { Answer } from '../../../src/edge/exchange.ts'
import type { Incoming } from '../../../src/edge/incoming.ts'
import type { EdgeLimits } from '../../../src/platform/config-schema.ts'
import { closeServer } from '../../../src/platform/drain.ts'
import { openRawSocket } from '../../support/raw-socket.ts'

export const LIMITS = {
  ...{ header_bytes_max: 16_384, headers_timeout_ms: 60_000, keep_alive_ms: 60_000 },
  ...{ socket_silence_ms: 60_000, requests_per_socket_max: 1_000 },
} as EdgeLimits
const HEADERS: Answer['headers'] = [['set-cookie', ['a=1', 'b=2']]]
export const GET = 'GET /a HTTP/1.1\r\nhost: edge.test\r\n\r\n'

const servers = new Set<Server>()
after(() => Promise.all([...servers].map((server) => closeServer(server, 1))))

type Answering = (incoming: Incoming, body: Buffer) => void

/** A server that says who read a request: whole ones are read here, and Node reads the others. */
export async function serve(
  limits: Partial<EdgeLimits> = {},
  answer: Answering = respond,
  isStreamed = (_: string) => false,
) {
  const silent: string[] = []
  const server: Server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    response.end(JSON.stringify({ by: 'node', target: request.url, body }))
  })
  listenDirectly(server, 'connection', {
    limits: { ...LIMITS, ...limits },
    isStreamed,
    take: async (incoming) => answer(incoming, await incoming.readBody(1_000)),
    handedOver: () => {},
    refuseSilent(socket) {
      silent.push(socket.remoteAddress ?? '')
      socket.end('too late')
    },
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  servers.add(server)
  server.once('close', () => servers.delete(server))
  const open = () => openRawSocket(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return { server, open, silent }
}

export function respond(incoming: Incoming, body: Buffer, status = 200): void {
  const { target } = incoming
  const text = JSON.stringify({ by: 'us', target, body: body.toString() })
  const usual = { lines: ['x-usual', '1'], text: 'x-usual: 1\r\n' }
  incoming.answer({ status, usual, lines: HEADERS, closes: false }, Buffer.from(text))
}

export function answerWith(incoming: Incoming, lines: Answer['headers'], body: string): void {
  incoming.answer({ status: 200, usual: { lines: [], text: '' }, lines, closes: false }, Buffer.from(body))
}

export const bodiesOf = (received: string): string[] => received.match(/\{"by".*?\}/g) ?? []
export const whoRead = (received: string): string[] => bodiesOf(received).map((body) => JSON.parse(body).by)
