import { AnswerBody } from './answer-body.ts'
import { AnswerHead, type Framing, type ReceivedHeader } from './answer-head.ts'
import { CHUNK_LINE_BYTES_MAX, readChunkLine } from './chunk-line.ts'
import { readFieldLine } from './field-line.ts'
import { MalformedAnswer } from './malformed-answer.ts'

export type ReceivedAnswer = {
  readonly status: number
  /** Each name once, in lower case, in the order in which they came. */
  readonly headers: readonly ReceivedHeader[]
  readonly body: Buffer
}

/** Of one head, or of the trailers. */
const HEAD_BYTES_MAX = 16_384
/** Of lines that are looked at together: most heads are shorter, and what stands behind them is no text. */
const LOOK_BYTES = 1_024
/** Answers before the answer (RFC 9110 section 15.2). */
const INTERIM_MAX = 16
/** Of all chunks of a body together: what is said beside it must not cost more than it does. */
const EXTENSION_BYTES_MAX = 16_384
const CR = 0x0d
const LINE_END_BYTES = 2
const BEGINNING = 'HTTP/1.'

/** What is read next. */
type Part = 'status' | 'field' | 'length' | 'until_close' | 'chunk' | 'chunk_bytes' | 'chunk_end' | 'trailer' | 'whole'

/**
 * Reads one answer of HTTP/1.1 (RFC 9112), in whatever pieces it comes, as strictly as it is written: lines end with CRLF, and
 * there is one way to tell where the body ends. What is wrong with it is found before any of it is passed on.
 */
export class AnswerReader {
  readonly #isAnswerToHead: boolean
  #part: Part = 'status'
  /** Of a line that has not ended yet. */
  #rest = ''
  /** Of the head, or the trailers, in whole lines. */
  #lineBytes = 0
  #interims = 0
  #extensionBytes = 0
  #head: AnswerHead | null = null
  #framing: Framing = 0
  #body = new AnswerBody(0)
  /** Of the body, or of its chunk, still to come. */
  #bytesLeft = 0
  #hasMore = false

  /** @param method of the request: an answer to HEAD has no body, whatever its head says */
  constructor(method: string) {
    this.#isAnswerToHead = method === 'HEAD'
  }

  /**
   * Reads on in the first `length` bytes; true once the answer is whole.
   * @throws MalformedAnswer
   */
  read(bytes: Buffer, length: number): boolean {
    let at = 0
    while (at < length && this.#part !== 'whole') {
      if (this.#part === 'length' || this.#part === 'chunk_bytes') at = this.#readBytes(bytes, at, length)
      else if (this.#part === 'until_close') {
        this.#body.append(bytes, at, length)
        at = length
      } else at = this.#readLines(bytes, at, length)
    }
    if (at < length) this.#lookBehind(bytes.toString('latin1', at, Math.min(length, at + BEGINNING.length)))
    return this.#part === 'whole'
  }

  /** The connection has ended in order; true if that is the end of the answer, too. */
  end(): boolean {
    return this.#part === 'until_close'
  }

  answer(): ReceivedAnswer {
    const { status, headers } = this.#known()
    return { status, headers, body: this.#body.all() }
  }

  /** For how long the connection may be kept for another request, ms; 0 where it ends with this answer. */
  keepMs(): number {
    return this.#isAnswerToHead || this.#hasMore ? 0 : this.#known().keepMs(this.#framing)
  }

  /**
   * More than an answer is none: whose it is can't be told. Only a body where none may be, which some servers send to HEAD, is let
   * go with its connection.
   */
  #lookBehind(beginning: string): void {
    const { status } = this.#known()
    const isBodiless = this.#isAnswerToHead || status === 204 || status === 304
    if (!isBodiless || BEGINNING.startsWith(beginning)) throw new MalformedAnswer('more came than an answer')
    this.#hasMore = true
  }

  #readBytes(bytes: Buffer, at: number, length: number): number {
    const end = Math.min(length, at + this.#bytesLeft)
    this.#body.append(bytes, at, end)
    this.#bytesLeft -= end - at
    if (this.#bytesLeft === 0) this.#part = this.#part === 'length' ? 'whole' : 'chunk_end'
    return end
  }

  /** Reads as many lines as there are; of the last one what there is. */
  #readLines(bytes: Buffer, at: number, length: number): number {
    const before = this.#rest.length
    const end = Math.min(length, at + LOOK_BYTES, at + this.#lineBytesMax() - before)
    const text = this.#rest + bytes.toString('latin1', at, end)
    let from = 0
    while (this.#isInLines()) {
      const lineFeed = text.indexOf('\n', from)
      if (lineFeed === -1) {
        this.#keepRest(text.slice(from))
        return end
      }
      if (lineFeed === from || text.charCodeAt(lineFeed - 1) !== CR)
        throw new MalformedAnswer('a line ends without a carriage return')
      this.#readLine(text, from, lineFeed - 1)
      from = lineFeed + 1
    }
    this.#rest = ''
    return at + from - before
  }

  #isInLines(): boolean {
    const part = this.#part
    return part === 'status' || part === 'field' || part === 'chunk' || part === 'chunk_end' || part === 'trailer'
  }

  #lineBytesMax(): number {
    return this.#part === 'chunk' || this.#part === 'chunk_end'
      ? CHUNK_LINE_BYTES_MAX
      : HEAD_BYTES_MAX - this.#lineBytes
  }

  #keepRest(rest: string): void {
    if (rest.length >= this.#lineBytesMax()) throw new MalformedAnswer('a head or the line of a chunk is too long')
    // Who speaks another protocol may wait for us to say something.
    if (this.#part === 'status' && !BEGINNING.startsWith(rest.slice(0, BEGINNING.length)))
      throw new MalformedAnswer('it is not HTTP/1.1')
    this.#rest = rest
  }

  #readLine(text: string, from: number, to: number): void {
    switch (this.#part) {
      case 'status':
        this.#lineBytes = 0
        this.#countLine(to - from)
        this.#head = new AnswerHead(text.slice(from, to))
        this.#part = 'field'
        break
      case 'field':
        if (from === to) this.#endHead()
        else {
          this.#countLine(to - from)
          this.#known().add(text, from, to)
        }
        break
      case 'chunk':
        this.#beginChunk(text.slice(from, to))
        break
      case 'chunk_end':
        if (from !== to) throw new MalformedAnswer('a chunk is longer than its size')
        this.#part = 'chunk'
        break
      case 'trailer':
        if (from === to) this.#part = 'whole'
        else this.#readTrailer(text, from, to)
        break
    }
  }

  #endHead(): void {
    const head = this.#known()
    const framing = head.framing(this.#isAnswerToHead)
    if (head.status < 200) {
      this.#passOver(head.status)
      return
    }
    this.#framing = framing
    this.#lineBytes = 0
    this.#body = typeof framing === 'number' ? new AnswerBody(framing) : new AnswerBody()
    if (typeof framing === 'number') {
      this.#bytesLeft = framing
      this.#part = framing === 0 ? 'whole' : 'length'
    } else this.#part = framing === 'chunked' ? 'chunk' : 'until_close'
  }

  /** We ask neither whether to go on (100) nor for another protocol (101); who answers that answers somebody else. */
  #passOver(status: number): void {
    this.#interims += 1
    if (status <= 101) throw new MalformedAnswer('it answers what nobody asked')
    if (this.#interims > INTERIM_MAX) throw new MalformedAnswer('there are too many interim answers')
    this.#part = 'status'
  }

  #beginChunk(line: string): void {
    const { bytes, extensionBytes } = readChunkLine(line)
    this.#extensionBytes += extensionBytes
    if (this.#extensionBytes > EXTENSION_BYTES_MAX) throw new MalformedAnswer('there is too much beside its chunks')
    this.#bytesLeft = bytes
    this.#part = bytes === 0 ? 'trailer' : 'chunk_bytes'
  }

  /** Trailers are let go. One that would frame the body comes too late for that (RFC 9110 section 6.5.1). */
  #readTrailer(text: string, from: number, to: number): void {
    this.#countLine(to - from)
    const [name] = readFieldLine(text, from, to)
    if (name === 'content-length' || name === 'transfer-encoding')
      throw new MalformedAnswer('a trailer frames the body')
  }

  #countLine(bytes: number): void {
    this.#lineBytes += bytes + LINE_END_BYTES
    if (this.#lineBytes > HEAD_BYTES_MAX - LINE_END_BYTES)
      throw new MalformedAnswer(`its head is longer than ${HEAD_BYTES_MAX} bytes`)
  }

  #known(): AnswerHead {
    if (this.#head === null) throw new MalformedAnswer('it has no head')
    return this.#head
  }
}
