import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Express } from 'express'
import { urlOf } from '../platform/addresses.ts'

/** Where a stand-in of a third party listens; port 0 takes a free one. */
export type Place = { readonly host: string; readonly port: number }

/** A stand-in that listens, and the URL under which it is reached. */
export type StandIn = { readonly url: string; close(): Promise<void> }

const CONNECTIONS_MAX = 256
const REQUEST_TIMEOUT_MS = 15_000
const HEADER_BYTES_MAX = 16_384

/** Listens, then serves what `appOf` makes of its own URL. @throws Error when the port is taken */
export async function startStandIn({ host, port }: Place, appOf: (url: string) => Express): Promise<StandIn> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: HEADER_BYTES_MAX })
  server.maxConnections = CONNECTIONS_MAX
  server.listen(port, host)
  await once(server, 'listening')
  const url = urlOf({ host, port: (server.address() as AddressInfo).port })
  server.on('request', appOf(url))
  return {
    url,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections() // a caller's idle connection must not hold the stop
      await closed
    },
  }
}
