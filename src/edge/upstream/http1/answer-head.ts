import { isFieldText, readFieldLine } from './field-line.ts'
import { MalformedAnswer } from './malformed-answer.ts'

/** A header, and all its values where it stands in several lines. */
export type ReceivedHeader = [name: string, value: string | string[]]
/** How a body ends: after so many bytes, with its last chunk, or with the connection. */
export type Framing = number | 'chunked' | 'until_close'

const HEAD_LINES_MAX = 100
/** How long a connection is kept for the next request where the other side does not say how long it keeps it. */
const KEEP_MS = 4_000
/** How much earlier than it says (`Keep-Alive: timeout=`) a connection is given up, lest a request meet its end on the way. */
const KEEP_EARLIER_MS = 2_000
const KEEP_MS_MAX = 60_000
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/
const LENGTH = /^\d{1,15}$/

/** The head of an answer, while its lines come: what it says, and what of it frames the body. */
export class AnswerHead {
  readonly status: number
  readonly headers: ReceivedHeader[] = []
  readonly #isHttp10: boolean
  #lines = 0
  #length: string | null = null
  #coding: string | null = null
  #connection = ''
  #keepAlive = ''

  /** @param line the status line (RFC 9112 section 4). @throws MalformedAnswer */
  constructor(line: string) {
    const [, minor, status] = STATUS_LINE.exec(line) ?? []
    if (status === undefined || !isFieldText(line, 0, line.length)) throw new MalformedAnswer('it is not HTTP/1.1')
    this.#isHttp10 = minor === '0'
    this.status = Number(status)
  }

  /** The next line. @throws MalformedAnswer */
  add(text: string, from: number, to: number): void {
    this.#lines += 1
    if (this.#lines > HEAD_LINES_MAX) throw new MalformedAnswer(`its head has more than ${HEAD_LINES_MAX} lines`)
    const header = readFieldLine(text, from, to)
    const [name, value] = header
    switch (name) {
      case 'content-length':
        if (this.#length !== null) throw new MalformedAnswer('it has two lengths') // even equal: RFC 9112 section 6.3
        this.#length = value
        break
      case 'transfer-encoding':
        if (this.#coding !== null) throw new MalformedAnswer('it has two transfer codings')
        this.#coding = value
        break
      case 'connection':
        this.#connection += `,${value}`
        break
      case 'keep-alive':
        this.#keepAlive += `,${value}`
        break
    }
    const known = this.#named(name)
    if (known === undefined) this.headers.push(header)
    else if (typeof known[1] === 'string') known[1] = [known[1], value]
    else known[1].push(value)
  }

  #named(name: string): ReceivedHeader | undefined {
    for (const header of this.headers) if (header[0] === name) return header
    return undefined
  }

  /**
   * How the body ends (RFC 9112 section 6.3). What two readers could take for two different lengths is refused, for the rest of
   * the one would be the next answer of the other. @throws MalformedAnswer
   */
  framing(isAnswerToHead: boolean): Framing {
    const [length, coding, { status }] = [this.#length, this.#coding, this]
    if (length !== null && coding !== null) throw new MalformedAnswer('it has a length and a transfer coding')
    if (coding !== null && (this.#isHttp10 || coding.toLowerCase() !== 'chunked'))
      throw new MalformedAnswer('its transfer coding is not chunked alone')
    if (length !== null && !LENGTH.test(length)) throw new MalformedAnswer('its length is no number')
    if (status < 200 && ((length ?? coding) !== null || this.#isLast()))
      throw new MalformedAnswer('an interim answer is none of its kind')
    if (isAnswerToHead || status < 200 || status === 204 || status === 304) return 0
    if (coding !== null) return 'chunked'
    return length === null ? 'until_close' : Number(length)
  }

  /** For how long the connection may be kept for another request, ms; 0 where it ends with this answer. */
  keepMs(framing: Framing): number {
    if (framing === 'until_close' || this.#isLast() || this.#hasBodyBehind()) return 0
    if (this.#keepAlive === '') return KEEP_MS
    const [, seconds] = /timeout=(\d{1,9})/i.exec(this.#keepAlive) ?? []
    if (seconds === undefined) return KEEP_MS
    return Math.max(0, Math.min(Number(seconds) * 1_000 - KEEP_EARLIER_MS, KEEP_MS_MAX))
  }

  /** Whether nothing comes behind it on its connection (RFC 9112 section 9.3); HTTP/1.0 is not asked to go on. */
  #isLast(): boolean {
    if (this.#connection === '') return this.#isHttp10
    return this.#isHttp10 || /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(this.#connection)
  }

  /** Who frames a body where none may be is likely to send one, too. Of a HEAD no connection is kept anyway. */
  #hasBodyBehind(): boolean {
    const isBodiless = this.status === 204 || this.status === 304
    return isBodiless && (this.#coding !== null || Number(this.#length ?? 0) > 0)
  }
}
