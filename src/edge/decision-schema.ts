import { Type } from 'typebox'

/** Where the decision log is published, if it is. */
export const DECISIONS_TOPIC = 'tidegate.edge.decisions'

const text = Type.String()
const orNull = Type.Union([text, Type.Null()])

/** The lines of the decision log by what they are: what a reader may rely on; a decision says more. */
const decisionLines = {
  decision: {
    summary:
      'What was decided on one request; its key is the receipt. A receipt that came before is the same decision.',
    payload: Type.Object({
      receipt: text,
      at: text,
      method: orNull,
      path: orNull,
      route: orNull,
      status: Type.Integer(),
      code: orNull,
      stage: orNull,
      rule: orNull,
      bundle: text,
    }),
  },
  envelope: {
    summary: 'Facts of several decisions before it or behind it, sealed to the security team: AES-256-GCM',
    payload: Type.Object({ envelope: text, key: text, text }),
  },
  'content-key': {
    summary: 'What opens envelopes, sealed to the public key of the security team: a compact JWE',
    payload: Type.Object({ contentKey: text, jwe: text }),
  },
} as const

/** The AsyncAPI 3.0 document of the published decision log. */
export function decisionsAsyncApi(): Record<string, unknown> {
  const messages = Object.fromEntries(
    Object.entries(decisionLines).map(([name, { summary, payload }]) => {
      const headers = { type: 'object', properties: { 'tidegate-line': { const: name } } }
      return [name, { name, summary, contentType: 'application/json', headers, payload }]
    }),
  )
  const references = Object.keys(messages).map((name) => ({ $ref: `#/channels/decisions/messages/${name}` }))
  return {
    asyncapi: '3.0.0',
    info: { title: 'Tidegate edge: what it decided', version: '1' },
    defaultContentType: 'application/json',
    channels: {
      decisions: {
        address: DECISIONS_TOPIC,
        description: 'The decision log, line by line, each at least once.',
        messages,
      },
    },
    operations: { tell: { action: 'send', channel: { $ref: '#/channels/decisions' }, messages: references } },
  }
}
