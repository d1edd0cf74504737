import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { findFreePort } from '../../../src/cli/demo/free-ports.ts'
import { inTurns, type Member } from './members.ts'
import type { Stage } from './stage.ts'

/** What came to one member's endpoint. */
export type Inbox = {
  /** Operations that were told of, with when they first were, in ms of the process. */
  readonly operations: Map<string, number>
  /** The newest `sequence`. */
  newest: number
  /** The one that came last: it is not the newest where messages come again. */
  last: number
  /** The member's event that the newest one told of. */
  cursor: number
  again: number
  disordered: number
  readonly states: Map<string, Set<string>>
}

/** The members' servers, which can be killed and started again; each endpoint is a path. */
export type Receivers = {
  readonly urlOf: (member: string) => string
  readonly inboxes: ReadonlyMap<string, Inbox>
  kill(): Promise<void>
  start(): Promise<void>
}

/** What an operation ends with. */
const FINAL: ReadonlySet<string> = new Set(['operation.succeeded', 'operation.failed'])
/** One in so many endpoints is told everything, so that several messages have the same key. */
const TOLD_ALL_EACH = 8

export async function registerEndpoints(
  { calls }: Stage,
  members: readonly Member[],
  receivers: Receivers,
): Promise<void> {
  await inTurns(members.entries(), async ([nth, { member }]) => {
    const events = nth % TOLD_ALL_EACH === 0 ? ['*'] : ['operation.succeeded', 'operation.failed']
    await calls.call(member, 'POST', '/v1/webhook-endpoints', { body: { url: receivers.urlOf(member), events } })
  })
}

export async function startReceivers(members: readonly string[]): Promise<Receivers> {
  const inboxes = new Map<string, Inbox>(members.map((member) => [member, emptyInbox()]))
  let server: Server
  const port = await findFreePort() // none that an outgoing connection could take while nobody listens
  const start = async (): Promise<void> => {
    server = createServer(async (request, response) => {
      const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()
      const inbox = inboxes.get(request.url?.slice(1) ?? '')
      if (inbox !== undefined) take(inbox, body)
      response.writeHead(inbox === undefined ? 404 : 204).end()
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
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

type Message = {
  readonly sequence: number
  readonly cursor: string
  readonly type: string
  readonly data: { readonly operation?: string }
}

export function emptyInbox(): Inbox {
  return {
    ...{ operations: new Map(), states: new Map() },
    ...{ newest: 0, last: 0, cursor: 0, again: 0, disordered: 0 },
  }
}

/**
 * What comes is the successor of what came last; or messages come again, from one that came before on. What comes for the
 * first time tells of a later event of the member, so those of each key are in order, too.
 */
export function take(inbox: Inbox, body: string): void {
  const { sequence, cursor, type, data } = JSON.parse(body) as Message
  const isNew = sequence > inbox.newest
  if (!isNew) inbox.again += 1
  if (sequence > inbox.last + 1 || (isNew && Number(cursor) <= inbox.cursor)) inbox.disordered += 1
  if (isNew) [inbox.newest, inbox.cursor] = [sequence, Number(cursor)]
  inbox.last = sequence
  if (data.operation === undefined || !FINAL.has(type)) return
  if (!inbox.operations.has(data.operation)) inbox.operations.set(data.operation, performance.now())
  const states = inbox.states.get(data.operation) ?? new Set()
  inbox.states.set(data.operation, states.add(type))
}
