import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface KeyServer {
  readonly url: string
  /** How often it was asked. */
  asked(): number
  /** What it answers from now on: a JWK Set, or whatever the function writes. */
  publish(answer: readonly object[] | ((request: IncomingMessage, response: ServerResponse) => void)): void
  close(): Promise<void>
}

/** An issuer's key endpoint that says what a test wants. */
export async function startKeyServer(keys: readonly object[] = []): Promise<KeyServer> {
  let asked = 0
  let answer: Parameters<KeyServer['publish']>[0] = keys
  const server = createServer((request, response) => {
    asked += 1
    if (typeof answer === 'function') return answer(request, response)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys: answer }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    asked: () => asked,
    publish(next) {
      answer = next
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
