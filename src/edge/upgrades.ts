import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Upgrade } from './incoming.ts'
import type { RouteTable } from './route-table.ts'

type UpgradeTaker = (request: IncomingMessage, response: ServerResponse, upgrade: Upgrade) => void

export interface Upgrades {
  /**
   * Whether Node is to hand over the connection of a request that asks for another protocol: on routes that say so. Everywhere
   * else an upgrade is what RFC 9110 (section 7.8) lets a server make of it, an ordinary request.
   */
  wants(request: IncomingMessage): boolean
  /**
   * Takes requests for an upgrade like all others, with an answer to write to, so that refusals leave by the same way.
   * `isBusy`: whether an answer is still due on a connection.
   */
  serve(server: Server, isBusy: (socket: Socket) => boolean, take: UpgradeTaker): void
}

export function createUpgrades(table: RouteTable): Upgrades {
  const some = table.routes.some(({ upgrade }) => upgrade !== null)
  return {
    wants({ method, url = '', headers, httpVersion }) {
      if (!some || method !== 'GET' || httpVersion !== '1.1') return false
      if (headers.upgrade?.toLowerCase() !== 'websocket') return false
      if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return false
      const host = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
      const match = table.match(host, 'GET', url.split('?', 1)[0] ?? '')
      return match.kind === 'route' && match.route.upgrade === 'websocket'
    },
    serve(server, isBusy, take) {
      server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
        const socket = duplex as Socket
        socket.on('error', () => socket.destroy())
        if (isBusy(socket)) {
          socket.destroy() // sent behind a request that is not answered yet: whose answer comes next can not be told
          return
        }
        const response = new ServerResponse(request)
        response.shouldKeepAlive = false
        response.assignSocket(socket)
        response.once('finish', () => socket.destroySoon())
        take(request, response, { socket, head })
      })
    },
  }
}
