import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

/** One event of a stream (WHATWG HTML, server-sent events); `data` is one line of JSON. */
export type ServerSentEvent = { readonly id: string; readonly event: string; readonly data: unknown }

/** Proxies close what is silent for a minute; a comment this often keeps a stream open. */
const HEARTBEAT_MS = 15_000

/** Writes events as they come, at the reader's pace, until they end or the reader hangs up. */
export async function streamEvents(
  events: AsyncIterable<ServerSentEvent>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.setHeader('content-type', 'text/event-stream')
  response.setHeader('cache-control', 'no-store')
  response.flushHeaders()
  const heartbeat = setInterval(() => response.write(': \n\n'), HEARTBEAT_MS)
  try {
    for await (const { id, event, data } of events) {
      if (signal.aborted) return
      const room = response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
      if (!room) await once(response, 'drain', { signal }).catch(() => null)
    }
    response.end()
  } finally {
    clearInterval(heartbeat)
  }
}
