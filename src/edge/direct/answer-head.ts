import { STATUS_CODES } from 'node:http'
import { assert } from '../../kernel/assert.ts'
import type { AnswerHead } from '../exchange.ts'

/** What would end a line or, beyond one byte, be cut to another character: no header may hold it (RFC 9110 section 5.5). */
const UNSENDABLE = /[\0\r\n\u0100-\uffff]/

/**
 * The head of an answer, byte for byte.
 * @param keepMs how long the connection is kept; null: it ends with this answer
 * @param length of the body; null: the answer has none
 */
export function headText(
  { status, standing, lines }: AnswerHead,
  keepMs: number | null,
  length: number | null,
): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${standing.text}`
  for (const [name, value] of lines) {
    if (name === 'connection') continue
    if (typeof value === 'string') text += lineOf(name, value)
    else for (const each of value) text += lineOf(name, each)
  }
  if (length !== null) text += `content-length: ${length}\r\n`
  const connection = keepMs === null ? 'close' : `keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepMs / 1_000)}`
  return `${text}Date: ${date()}\r\nConnection: ${connection}\r\n\r\n`
}

function lineOf(name: string, value: string): string {
  assert(!UNSENDABLE.test(value), `the header ${name} holds a character that none may hold`)
  return `${name}: ${value}\r\n`
}

let known: string | null = null

/** Of this second (RFC 9110 section 6.6.1). */
function date(): string {
  if (known === null) {
    const now = new Date()
    known = now.toUTCString()
    setTimeout(forget, 1_000 - now.getMilliseconds()).unref()
  }
  return known
}

function forget(): void {
  known = null
}
