import { STATUS_CODES } from 'node:http'
import { assert } from '../../kernel/assert.ts'
import type { AnswerHead } from '../incoming.ts'

/** What no header may hold (RFC 9110 section 5.5): what would end its line, or beyond one byte be cut to another character. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/

/**
 * The head of an answer, byte for byte.
 * @param keepMs how long the connection is kept; null: it ends with this answer
 * @param length of the body; null: the answer has none
 */
export function headText({ status, usual, lines }: AnswerHead, keepMs: number | null, length: number | null): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${usual.text}`
  let isDated = false // by the upstream, who knows best when it was made (RFC 9110 section 6.6.1)
  for (const [name, value] of lines) {
    if (name === 'connection') continue
    if (name === 'date') isDated = true
    if (typeof value === 'string') text += lineOf(name, value)
    else for (const each of value) text += lineOf(name, each)
  }
  if (length !== null) text += `content-length: ${length}\r\n`
  const connection = keepMs === null ? 'close' : `keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepMs / 1_000)}`
  if (!isDated) text += `Date: ${date()}\r\n`
  return `${text}Connection: ${connection}\r\n\r\n`
}

function lineOf(name: string, value: string): string {
  const line = `${name}: ${value}`
  assert(!UNSENDABLE.test(line), `the header ${name} holds a character that none may hold`)
  return `${line}\r\n`
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
