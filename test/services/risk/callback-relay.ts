import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { request } from 'undici'
import type { Clock } from '../../../src/kernel/clock.ts'
import { newId } from '../../../src/kernel/id.ts'
import { PASSPORT_HEADER, type PassportKeys, signPassport } from '../../../src/platform/passport.ts'

/** The edge's part for the callback: an anonymous passport around the same bytes. */
export async function startRelay(passports: PassportKeys, clock: Clock) {
  let origin = ''
  const server = createServer(async (incoming, outgoing) => {
    const body = await bytesOf(incoming)
    const claims = { principal: { kind: 'anonymous' }, assessment: null, receipt: newId('receipt') } as const
    const target = incoming.url ?? '/'
    const signed = {
      [PASSPORT_HEADER]: signPassport(passports, clock, 'risk', { method: 'POST', target, body }, claims),
    }
    const kept = Object.entries(incoming.headers).filter(([name]) => name.startsWith('webhook-'))
    const headers = { ...signed, ...Object.fromEntries(kept), 'content-type': 'application/json' }
    const answer = await request(origin + target, { method: 'POST', headers, body })
    outgoing.writeHead(answer.statusCode, { 'content-type': String(answer.headers['content-type']) })
    outgoing.end(await answer.body.text())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target: (url: string) => {
      origin = url
    },
    close: () => closeServer(server),
  }
}

async function bytesOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done())
    server.closeAllConnections()
  })
}
