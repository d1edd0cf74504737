import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'

const DRAIN_MS_MAX = 10_000
/** How often connections whose call has ended are closed meanwhile; a connection taken last has as long to say its first word. */
const SWEEP_MS = 100

/**
 * From the moment of `draining` on, every answer says `connection: close`, while the server goes on serving: by the end of the
 * notice that a balancer is given, whoever still calls has let go of his connection by himself, and no request crosses its end.
 */
export function sayCloseWhen(draining: AbortSignal, server: Server): void {
  const sayClose = (): void => {
    server.emit('draining') // to who answers without Node's events
    for (const event of ['request', 'checkContinue', 'checkExpectation']) server.prependListener(event, closeAfter)
  }
  if (draining.aborted) sayClose()
  else draining.addEventListener('abort', sayClose, { once: true })
}

/**
 * Takes no more connections and waits for the calls under way. Whoever calls on a connection that is still open is answered,
 * and told to close it; what has not ended after `msMax` is cut off.
 */
export function closeServer(server: Server, msMax: number = DRAIN_MS_MAX): Promise<void> {
  sayCloseWhen(AbortSignal.abort(), server)
  return new Promise((done) => {
    const cut = setTimeout(() => server.closeAllConnections(), msMax)
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS)
    // Not by `server.close`: it ends at once what is idle, also a connection whose first request is on its way.
    NetServer.prototype.close.call(server, () => {
      clearTimeout(cut)
      clearInterval(sweep)
      server.close() // is closed: this ends its timer
      done()
    })
  })
}

function closeAfter(_request: unknown, response: ServerResponse): void {
  response.setHeader('connection', 'close')
}
