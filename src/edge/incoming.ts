import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Answer } from './exchange.ts'

/** One request with the means to answer it, as the listener hands it over. */
export interface Incoming {
  readonly method: string
  /** The request target, as it was sent. */
  readonly target: string
  /** `1.1` */
  readonly httpVersion: string
  /** As they came, in turns a name and its value. */
  readonly headerLines: readonly string[]
  readonly socket: Socket
  /** As Node has it, who alone streams answers; null where Node has not read it. */
  readonly node: NodeExchange | null
  /** Where the client wants to go on with another protocol, on a route that has one. */
  readonly upgrade: Upgrade | null
  /**
   * The body, of which no byte past the limit is read.
   * @throws Problem `body_too_large`, or `malformed_request` where it does not arrive whole
   */
  readBody(bytesMax: number): Buffer | Promise<Buffer>
  /** Sends the answer once the turn ends, or nothing where the client is gone. The body is left out where the answer has none. */
  answer(head: AnswerHead, body: Buffer): void
  /** There will be no answer: the connection ends. */
  abandon(): void
}

export type NodeExchange = { readonly request: IncomingMessage; readonly response: ServerResponse }

/** The head of an answer but for what says where it ends, and when it was sent. */
export type AnswerHead = {
  readonly status: number
  /** What nearly every answer says in the same words: in turns a name and its value, and as text. */
  readonly usual: UsualLines
  readonly lines: Answer['headers']
  /** Nothing is read behind this request. */
  readonly closes: boolean
}
export type UsualLines = { readonly lines: readonly string[]; readonly text: string }

/** What Node's socket writes from its stack. A body of so many bytes leaves with its head as one text, a longer one behind it. */
export const ONE_WRITE_BYTES_MAX = 14_336

/** Whether an answer has no body, and no length of one either, whatever is known of it (RFC 9110 sections 6.4.1 and 8.6). */
export function isBodiless(status: number, method: string): boolean {
  return status === 204 || status === 304 || method === 'HEAD'
}

/** What closes when the client's side of the exchange does: a stream, an upgraded connection. */
export function clientSide({ node, upgrade, socket }: Incoming): Socket | ServerResponse {
  return upgrade?.socket ?? node?.response ?? socket
}

/** The value of a header that was sent once, or is made one of: for who looks at a request before it is read. */
export function headerOf({ headerLines }: Pick<Incoming, 'headerLines'>, name: string): string | undefined {
  let value: string | undefined
  for (let at = 0; at < headerLines.length; at += 2) {
    if (headerLines[at]?.toLowerCase() !== name) continue
    value = value === undefined ? headerLines[at + 1] : `${value}, ${headerLines[at + 1]}`
  }
  return value
}

/** The connection itself, and what was read of it behind the request's head. */
export type Upgrade = { readonly socket: Socket; readonly head: Buffer }
