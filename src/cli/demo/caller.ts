import { type Dispatcher, request } from 'undici'

export type Call = {
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly token?: string
  readonly body?: unknown
  /** In place of a body in JSON. */
  readonly xml?: string
  /** The Idempotency-Key. */
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The JSON of the body; empty where there is none. */
  readonly body: Readonly<Record<string, unknown>>
  /** Of an answer that came through the edge. */
  readonly receipt: string
}

export type Caller = (call: Call) => Promise<Answer>

const CALL_TIMEOUT_MS = 30_000

/** Calls one address over HTTP, as any client would. */
export function createCaller(url: string, dispatcher: Dispatcher): Caller {
  return async ({ method = 'GET', path, token, body, xml, key, headers }) => {
    const answer = await request(url + path, {
      dispatcher,
      method,
      headers: {
        'user-agent': 'tidegate-demo',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(xml === undefined ? {} : { 'content-type': 'application/xml' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...headers,
      },
      ...(xml === undefined ? {} : { body: xml }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    })
    const text = await answer.body.text()
    const receipt = String(answer.headers['tidegate-receipt'] ?? '')
    return { status: answer.statusCode, headers: answer.headers, body: text === '' ? {} : JSON.parse(text), receipt }
  }
}
