import { readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import type { Incoming } from '../../edge/incoming.ts'
import { bodyTooLarge } from '../../edge/node-incoming.ts'
import { Misuse } from '../command.ts'

/** A request as it is described on the command line. */
export type WrittenRequest = {
  readonly method: string
  readonly path: string
  readonly host: string
  /** The address it seems to come from. */
  readonly ip: string
  readonly token: string | null
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer | null
}

/** The request as the listener would hand it to the edge; it never was on a wire. */
export function incomingOf({ method, path, host, ip, token, headers, body }: WrittenRequest): Incoming {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: ip })
  const given = new Set(headers.map(([name]) => name.toLowerCase()))
  const implied: readonly (readonly [string, string])[] = [
    ['host', host],
    ...(token === null ? [] : [['authorization', `Bearer ${token}`] as const]),
    ...(body === null ? [] : [['content-type', 'application/json'] as const]),
    ...(body === null ? [] : [['content-length', String(body.length)] as const]),
  ]
  const lines = [...implied.filter(([name]) => !given.has(name)), ...headers]
  return {
    ...{ method, target: path, httpVersion: '1.1', headerLines: lines.flat(), socket, node: null, upgrade: null },
    readBody(bytesMax) {
      if (body !== null && body.length > bytesMax) throw bodyTooLarge(bytesMax)
      return body ?? Buffer.alloc(0)
    },
    answer: () => undefined, // nobody waits for one
    abandon: () => undefined,
  }
}

/** `name: value` */
export function readHeader(text: string): readonly [string, string] {
  const at = text.indexOf(':')
  if (at < 1) throw new Misuse(`--header ${JSON.stringify(text)} is not name:value`)
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

/** The text itself, or with `@` before it the file of that name. */
export async function readBody(text: string): Promise<Buffer> {
  if (!text.startsWith('@')) return Buffer.from(text)
  return readFile(text.slice(1)).catch(() => {
    throw new Misuse(`--body: there is no file ${text.slice(1)}`)
  })
}
