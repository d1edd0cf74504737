import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What came to one member's endpoint. */
export type Inbox = {
  /** Operations that were told of, with when they first were, in ms of the process. */
  readonly operations: Map<string, number>
  /** The newest `sequence`; one above its successor came before what it follows. */
  last: number
  gaps: number
  readonly states: Map<string, Set<string>>
}

/** The members' servers, which can be killed and started again; each endpoint is a path. */
export type Receivers = {
  readonly urlOf: (member: string) => string
  readonly inboxes: ReadonlyMap<string, Inbox>
  kill(): Promise<void>
  start(): Promise<void>
}

export async function startReceivers(members: readonly string[]): Promise<Receivers> {
  const inboxes = new Map<string, Inbox>(
    members.map((member) => [member, { operations: new Map(), last: 0, gaps: 0, states: new Map() }]),
  )
  let server: Server
  let port = 0
  const start = async (): Promise<void> => {
    server = createServer(async (request, response) => {
      const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()
      const inbox = inboxes.get(request.url?.slice(1) ?? '')
      if (inbox !== undefined) take(inbox, body)
      response.writeHead(inbox === undefined ? 404 : 204).end()
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  await start()
  return {
    urlOf: (member) => `http://127.0.0.1:${port}/${member}`,
    inboxes,
    start,
    async kill() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function take(inbox: Inbox, body: string): void {
  const { sequence, type, data } = JSON.parse(body) as { sequence: number; type: string; data: { operation: string } }
  if (sequence > inbox.last + 1) inbox.gaps += 1
  inbox.last = Math.max(inbox.last, sequence)
  if (!inbox.operations.has(data.operation)) inbox.operations.set(data.operation, performance.now())
  const states = inbox.states.get(data.operation) ?? new Set()
  inbox.states.set(data.operation, states.add(type))
}
