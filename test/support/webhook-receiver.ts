import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../../src/kernel/clock.ts'
import { verifyWebhook } from '../../src/platform/standard-webhooks.ts'
import { eventually } from './edge-calls.ts'

type Message = { readonly id: string; readonly type: string; readonly data: Readonly<Record<string, unknown>> }

type Arrived = { readonly headers: IncomingHttpHeaders; readonly body: Buffer }

export interface WebhookReceiver {
  readonly url: string
  /** All that came, in order, rightly signed or not. */
  readonly received: readonly Arrived[]
  /** Messages that came with this secret's signature, in order. */
  messages(secret: string): readonly Message[]
  /** The first of this type that is about `subject`, a transfer or an operation. */
  next(secret: string, type: string, subject: string): Promise<Message>
  close(): Promise<void>
}

/** A member's own endpoint: takes every message, and tells which of them were rightly signed. */
export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const arrived: Arrived[] = []
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
    arrived.push({ headers: request.headers, body })
    response.writeHead(204).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const messages: WebhookReceiver['messages'] = (secret) =>
    arrived.flatMap(({ headers, body }) => {
      const verdict = verifyWebhook([{ scheme: 'v1', secret }], systemClock, headers, body)
      return verdict.ok ? [{ ...(JSON.parse(body.toString()) as Message), id: verdict.id }] : []
    })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received: arrived,
    messages,
    next: (secret, type, subject) =>
      eventually(`a webhook ${type} about ${subject}`, async () =>
        messages(secret).find(
          (message) => message.type === type && [message.data['transfer'], message.data['operation']].includes(subject),
        ),
      ),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
