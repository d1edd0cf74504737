import { createServer, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

/**
 * The least that a gateway on Node can do: node:http in front, undici's dispatch behind, bytes passed on as they come, no
 * checks at all. A pool that keeps its connections, one request on each at a time (undici's docs, "Best Practices: Proxy" and `Pool`).
 */
const [port, upstream] = [Number(process.argv[2]), process.argv[3] ?? '']
const CONNECTIONS = 64
const KEEP_ALIVE_MS = 60_000
/** Of one connection only (RFC 9110 section 7.6.1). */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer'])

const pool = new Pool(upstream, { connections: CONNECTIONS, pipelining: 1, keepAliveTimeout: KEEP_ALIVE_MS })
const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
  const asked = {
    path: request.url ?? '/',
    method: request.method as Dispatcher.HttpMethod,
    headers: endToEnd(request.rawHeaders),
    body: hasBody ? request : null,
  }
  pool.dispatch(asked, passOn(response))
})
server.listen(port, '127.0.0.1')

function passOn(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller) {
      response.on('close', () => response.writableEnded || controller.abort(new Error('the client is gone')))
    },
    onResponseStart(_controller, status, headers) {
      if (status < 200) return
      for (const name of HOP_BY_HOP) delete headers[name]
      response.writeHead(status, headers)
    },
    onResponseData(controller, chunk) {
      if (response.write(chunk)) return
      controller.pause()
      response.once('drain', () => controller.resume())
    },
    onResponseEnd() {
      response.end()
    },
    onResponseError() {
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end()
    },
  }
}

/** Names and values in turn, without those of the connection. */
function endToEnd(raw: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const [name, value] = [raw[at] ?? '', raw[at + 1] ?? '']
    if (!HOP_BY_HOP.has(name.toLowerCase())) kept.push(name, value)
  }
  return kept
}
