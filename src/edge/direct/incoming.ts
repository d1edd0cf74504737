import type { Socket } from 'node:net'
import type { AnswerHead, Incoming } from '../incoming.ts'
import { bodyTooLarge } from '../node-incoming.ts'
import type { DirectRequest } from './request.ts'

/** What a request needs of its connection. */
interface Answering {
  readonly socket: Socket
  answer(method: string, head: AnswerHead, body: Buffer): void
  destroy(): void
}

/** A request that was read here, whole. */
export class DirectIncoming implements Incoming {
  readonly method: string
  readonly target: string
  readonly httpVersion = '1.1'
  readonly headerLines: readonly string[]
  readonly socket: Socket
  readonly node = null
  readonly upgrade = null
  readonly #connection: Answering
  readonly #body: Buffer

  constructor(connection: Answering, { method, target, headerLines, body }: DirectRequest) {
    this.method = method
    this.target = target
    this.headerLines = headerLines
    this.socket = connection.socket
    this.#connection = connection
    this.#body = body
  }

  readBody(bytesMax: number): Buffer {
    if (this.#body.length > bytesMax) throw bodyTooLarge(bytesMax)
    return this.#body
  }

  answer(head: AnswerHead, body: Buffer): void {
    this.#connection.answer(this.method, head, body)
  }

  abandon(): void {
    this.#connection.destroy()
  }
}
