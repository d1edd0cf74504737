import { MalformedAnswer } from './malformed-answer.ts'

/** Of a body that is passed on; read whole before any of it is. */
const ANSWER_BYTES_MAX = 8_388_608
const EMPTY = Buffer.alloc(0)

/** The bytes of a body, copied out of what is read, in at most twice the memory that they need. */
export class AnswerBody {
  #bytes: Buffer = EMPTY
  #length = 0
  readonly #bytesMax: number

  /** @param bytesMax how many will come, or may. @throws MalformedAnswer where that is more than is passed on */
  constructor(bytesMax: number = ANSWER_BYTES_MAX) {
    if (bytesMax > ANSWER_BYTES_MAX) throw new MalformedAnswer('it is larger than is passed on')
    this.#bytesMax = bytesMax
  }

  /** @throws MalformedAnswer where it is too much */
  append(from: Buffer, start: number, end: number): void {
    const length = this.#length + end - start
    if (length > this.#bytesMax) throw new MalformedAnswer('it is larger than is passed on')
    if (length > this.#bytes.length) {
      const room = this.#length === 0 ? length : Math.min(this.#bytesMax, 2 * length)
      const larger = Buffer.allocUnsafe(room)
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    from.copy(this.#bytes, this.#length, start, end)
    this.#length = length
  }

  all(): Buffer {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#length)
  }
}
