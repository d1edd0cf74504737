import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { assert } from '../../kernel/assert.ts'
import type { EdgeLimits } from '../../platform/config-schema.ts'
import type { Incoming } from '../incoming.ts'
import { steadyMs } from '../turn-clock.ts'
import { DirectConnection, type DirectOwner } from './connection.ts'

const LOOK_EVERY_MS = 1_000

export type DirectListenerOptions = {
  readonly limits: EdgeLimits
  /** Whether a target may lead to an answer that is streamed. */
  readonly isStreamed: (target: string) => boolean
  readonly take: (incoming: Incoming) => void
  /** Says to a client who sent nothing that his time is over. */
  readonly refuseSilent: (socket: Socket) => void
  /** Node reads this connection from now on, which has brought so many requests. */
  readonly handedOver: (socket: Socket, requests: number) => void
}

/**
 * Takes the connections of a server before Node's HTTP does, reads from each what comes in the plainest form, and hands it
 * over with the first request that does not (docs/adr/0085). To be called before anyone else changes who is told of `event`,
 * by which the server tells of a connection that can be read.
 */
export function listenDirectly(
  server: Server,
  event: 'connection' | 'secureConnection',
  { limits, isStreamed, take, refuseSilent, handedOver }: DirectListenerOptions,
): void {
  const [nodeListener, ...others] = server.listeners(event)
  assert(nodeListener !== undefined && others.length === 0, `Node's HTTP alone is told of a ${event}`)
  server.removeAllListeners(event)
  const connections = new Set<DirectConnection>()
  let isDraining = false
  const owner: DirectOwner = {
    limits,
    take,
    refuseSilent,
    isDraining: () => isDraining,
    isForNode: ({ target }) => isStreamed(target),
    handOver(socket, requests) {
      handedOver(socket, requests)
      nodeListener.call(server, socket)
    },
    gone: (connection) => void connections.delete(connection),
  }
  server.on(event, (socket: Socket) => {
    if (!socket.destroyed) connections.add(new DirectConnection(owner, socket))
  })

  const looking = setInterval(() => {
    const nowMs = steadyMs()
    for (const connection of connections) connection.look(nowMs)
  }, LOOK_EVERY_MS)
  looking.unref() // a server that does not come to listen keeps nobody waiting
  server.once('close', () => clearInterval(looking))
  server.once('draining', () => {
    isDraining = true
  })
  endWith(server, 'closeIdleConnections', () => {
    for (const connection of connections) connection.endIfIdle()
  })
  endWith(server, 'closeAllConnections', () => {
    for (const connection of connections) connection.destroy()
  })
}

/** Node's own method knows the connections that it has been given. */
function endWith(server: Server, method: 'closeIdleConnections' | 'closeAllConnections', ours: () => void): void {
  const nodes = server[method].bind(server)
  server[method] = () => {
    nodes()
    ours()
  }
}
