import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { systemClock } from '../../kernel/clock.ts'
import { verifyWebhook } from '../../platform/standard-webhooks.ts'

/** A partner's little service behind the edge. It can be made to fail. */
export type Partner = { readonly url: string; fail(failing: boolean): void; close(): Promise<void> }

export async function startPartner(): Promise<Partner> {
  let failing = false
  const server = createServer((_request, response) => {
    response.writeHead(failing ? 500 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(failing ? { error: 'out of order' } : { CNY: '1', USD: '0.14' }))
  })
  const url = await listen(server)
  return {
    url,
    fail(now) {
      failing = now
    },
    close: () => close(server),
  }
}

/** A member's own server, which takes webhooks and looks at their signatures. */
export type Receiver = {
  readonly url: string
  /** The types of the messages about this transfer that were signed with the secret; throws at one that was not. */
  verified(secret: string, transfer: string): readonly string[]
  close(): Promise<void>
}

export async function startReceiver(): Promise<Receiver> {
  const received: { readonly headers: IncomingHttpHeaders; readonly body: Buffer }[] = []
  const server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: await buffer(request) })
    response.writeHead(204).end()
  })
  const url = await listen(server)
  return {
    url,
    verified(secret, transfer) {
      return received.flatMap(({ headers, body }) => {
        const verdict = verifyWebhook([{ scheme: 'v1', secret }], systemClock, headers, body)
        if (!verdict.ok) throw new Error(`a webhook came with a signature that is ${verdict.reason}`)
        const message = JSON.parse(body.toString('utf8')) as { type: string; data: { transfer?: string } }
        return message.data.transfer === transfer ? [message.type] : []
      })
    },
    close: () => close(server),
  }
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
