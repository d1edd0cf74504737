import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type KeptSpan = {
  readonly part: string
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  /** Of the caller; empty where the trace begins. */
  readonly parentSpanId: string
  readonly failed: boolean
  readonly attributes: Readonly<Record<string, string | number>>
}

export interface TraceCollector {
  readonly url: string
  readonly spans: readonly KeptSpan[]
  close(): Promise<void>
}

type Attribute = { key: string; value: { stringValue?: string; intValue?: number | string } }
type WireSpan = { name: string; traceId: string; spanId: string; parentSpanId?: string; status: { code?: number } } & {
  attributes: Attribute[]
}
type Exported = {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: WireSpan[] }[] }[]
}

/** Takes OTLP over HTTP in JSON, as an OpenTelemetry collector does. */
export async function startTraceCollector(): Promise<TraceCollector> {
  const spans: KeptSpan[] = []
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()
    if (request.url === '/v1/traces') spans.push(...spansOf(JSON.parse(body)))
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    spans,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function spansOf({ resourceSpans }: Exported): KeptSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map(({ name, traceId, spanId, parentSpanId = '', status, attributes }) => ({
        part: String(attributesOf(resource.attributes)['service.name']),
        ...{ name, traceId, spanId, parentSpanId, failed: status.code === 2, attributes: attributesOf(attributes) },
      })),
  )
}

function attributesOf(attributes: readonly Attribute[]): Record<string, string | number> {
  const plain = attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)] as const)
  return Object.fromEntries(plain)
}
