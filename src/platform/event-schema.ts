import type { TSchema } from 'typebox'
import { WireEvent } from './event-log/event-wire.ts'

/** What a service tells of: by the event's type, what it means and what its `data` looks like in the present version. */
export type EventSchemas = Readonly<
  Record<string, { readonly version: number; readonly summary: string; readonly data: TSchema }>
>

/** The AsyncAPI 3.0 document of a service's events, as they stand in its feed and its topic. */
export function asyncApiOf(service: string, topic: string, events: EventSchemas): Record<string, unknown> {
  const messages = Object.fromEntries(
    Object.entries(events).map(([type, { version, summary, data }]) => {
      const own = { type: { const: type }, version: { const: version }, data }
      const payload = { ...WireEvent, properties: { ...WireEvent.properties, ...own } }
      return [type, { name: type, summary, contentType: 'application/json', payload: plain(payload) }]
    }),
  )
  const references = Object.keys(events).map((type) => ({ $ref: `#/channels/events/messages/${type}` }))
  return {
    asyncapi: '3.0.0',
    info: { title: `Tidegate ${service}: what it tells`, version: '1' },
    defaultContentType: 'application/json',
    channels: {
      events: {
        address: topic,
        description:
          'Keyed by the account that money leaves, else the account or the subject. A `seq` that came before is the same event.',
        messages,
      },
    },
    operations: { tell: { action: 'send', channel: { $ref: '#/channels/events' }, messages: references } },
  }
}

function plain(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema))
}
