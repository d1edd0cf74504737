import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { NodeIncoming } from './node-incoming.ts'

/** The requests of each connection, one after the other, though Node hands pipelined ones over all at once. */
export interface Turns {
  /** A connection comes with so many requests that were answered before Node had it. */
  goOn(socket: Socket, requests: number): void
  /**
   * Runs the exchange when those before it on its connection are over. Once an answer closed the connection the rest of its
   * bytes may be anyone's idea of a request (RFC 9112 section 9.3), so what follows is not looked at. The last request that a
   * connection may bring is answered with a close: Node's own limit answers those pipelined beyond it with a bare 503.
   */
  take(incoming: NodeIncoming): void
  /**
   * Whether a parser's error on this connection is still to be answered; waits for answers that are due before it. Where it is
   * in the body of a request that is under way, the refusal of that request comes first if there is one.
   */
  mayAnswerError(socket: Socket): Promise<boolean>
  /** Whether an answer is still due on this connection. */
  isBusy(socket: Socket): boolean
}

/** A connection with its newest request. */
type Line = {
  requests: number
  request: IncomingMessage
  response: ServerResponse
  /** Whether what stands behind that request is looked at, once it is answered. */
  goesOn: Promise<boolean>
}

/** `exchange` never rejects; it says whether the request was answered. */
export function createTurns(
  exchange: (incoming: NodeIncoming) => Promise<boolean>,
  requestsPerSocketMax: number,
): Turns {
  const lines = new WeakMap<Socket, Line>()
  const before = new WeakMap<Socket, number>()

  const run = async (incoming: NodeIncoming, last: Promise<boolean> | null): Promise<boolean> => {
    if (last !== null && !(await last)) return false
    return (await exchange(incoming)) && incoming.node.response.getHeader('connection') !== 'close'
  }

  return {
    goOn: (socket, requests) => void before.set(socket, requests),
    take(incoming) {
      const { request, response } = incoming.node
      const line = lines.get(request.socket)
      const requests = (line?.requests ?? before.get(request.socket) ?? 0) + 1
      if (requests >= requestsPerSocketMax) response.setHeader('connection', 'close')
      const goesOn = run(incoming, line?.goesOn ?? null)
      if (line === undefined) lines.set(request.socket, { requests, request, response, goesOn })
      else {
        line.requests = requests
        line.request = request
        line.response = response
        line.goesOn = goesOn
      }
    },
    isBusy: (socket) => lines.get(socket)?.response.writableFinished === false,
    async mayAnswerError(socket) {
      const line = lines.get(socket)
      if (line === undefined) return true
      const { request, response, goesOn } = line
      const mayGoOn = request.complete ? await goesOn : true
      await new Promise(setImmediate) // answers leave at the end of their turn
      return mayGoOn && (request.complete || !response.headersSent)
    },
  }
}
