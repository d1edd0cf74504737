import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Incoming } from './exchange.ts'

/** The requests of each connection, one after the other, though Node hands pipelined ones over all at once. */
export interface Turns {
  /**
   * Runs the exchange when those before it on its connection are over. Once an answer closed the connection the rest of its
   * bytes may be anyone's idea of a request (RFC 9112 section 9.3), so what follows is not looked at.
   */
  take(incoming: Incoming, exchange: () => Promise<void>): Promise<void>
  /**
   * Whether a parser's error on this connection is still to be answered; waits for answers that are due before it. Where it is
   * in the body of a request that is under way, the refusal of that request comes first if there is one.
   */
  mayAnswerError(socket: Socket): Promise<boolean>
}

type Turn = { readonly request: IncomingMessage; readonly response: ServerResponse; readonly goesOn: Promise<boolean> }

export function createTurns(): Turns {
  const newest = new WeakMap<Socket, Turn>()
  return {
    async take({ request, response }, exchange) {
      const before = newest.get(request.socket)
      const run = async (): Promise<boolean> => {
        if (before !== undefined && !(await before.goesOn)) return false
        await exchange()
        return response.getHeader('connection') !== 'close'
      }
      const goesOn = run()
      newest.set(request.socket, { request, response, goesOn: goesOn.catch(() => false) })
      await goesOn
    },
    async mayAnswerError(socket) {
      const turn = newest.get(socket)
      if (turn === undefined) return true
      if (turn.request.complete) return turn.goesOn
      await new Promise(setImmediate)
      return !turn.response.headersSent
    },
  }
}
