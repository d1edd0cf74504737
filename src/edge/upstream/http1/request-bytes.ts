import type { Socket } from 'node:net'
import { assert } from '../../../kernel/assert.ts'
import { remembering } from '../../remembering.ts'
import type { Attempt } from './attempt.ts'

/** What Node's socket takes on its stack, and so in one system call without a copy of its own. */
const ONE_WRITE_BYTES_MAX = 14_336
const isName = remembering((name) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name))
/**
 * Not in a value (RFC 9110 section 5.5): CR, LF and NUL, and what would be another character when it is written as one byte. Asked
 * by what may not be there, which takes V8 a tenth of asking by all that may.
 */
const NOT_IN_VALUE = /[\0\r\n\u0100-\uffff]/
const PATH = /^\/[\x21-\x7e]*$/
/** Methods that come with a body, be it empty (RFC 9110 section 8.6). */
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])

/** The lines of a head. @throws AssertionError where one would not be what it says: that is our mistake, and nothing is sent */
export function fieldLines(headers: Readonly<Record<string, string>>): string {
  let lines = ''
  for (const name in headers) {
    const value = headers[name] ?? ''
    assert(isName(name) && !NOT_IN_VALUE.test(value), 'a header that is sent fits into one line')
    lines += `${name}: ${value}\r\n`
  }
  return lines
}

/** Writes the request, head and body together. Nothing here throws. */
export function writeRequest(socket: Socket, host: string, keeps: boolean, attempt: Attempt): void {
  const { method, path, lines, body } = attempt
  const connection = keeps ? 'keep-alive' : 'close'
  const length = body !== null || WITH_BODY.has(method) ? `content-length: ${body?.length ?? 0}\r\n` : ''
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: ${connection}\r\n${lines}${length}\r\n`
  if (body === null) socket.write(head, 'latin1')
  else if (head.length + body.length <= ONE_WRITE_BYTES_MAX) socket.write(head + body.toString('latin1'), 'latin1')
  else {
    socket.cork()
    socket.write(head, 'latin1')
    socket.write(body)
    socket.uncork()
  }
}

/** @throws AssertionError for what is no path: our mistake */
export function checkPath(path: string): void {
  assert(PATH.test(path), 'what is asked for is a path')
}
