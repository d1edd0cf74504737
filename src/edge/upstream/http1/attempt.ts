import type { ReceivedAnswer } from './answer-reader.ts'

/**
 * Why there is no answer. `unsent`: certain, nothing of the request left. `unanswered`: the connection ended, by its end or a reset,
 * before a byte of an answer was seen. `broken`: it left, and what came of it is no answer, or it is not known why none came.
 */
export type Failure = 'unsent' | 'unanswered' | 'broken'

/** What an attempt may do with the connection that carries it. */
export type Carrier = { abort(): void }

/** One attempt to have a request answered. It hears of its end once: by `answered` or by `failed`. */
export interface Attempt {
  readonly method: string
  readonly path: string
  /** Its headers as lines, by `fieldLines`; those that are of the connection and frame the body are added. */
  readonly lines: string
  readonly body: Buffer | null
  /** Nobody waits for it any more: while it waits for a connection none is opened for it. */
  readonly isOver: boolean
  /** There is a connection, and nothing is written yet. False where it is not to be sent any more: then nothing is. */
  sending(carrier: Carrier): boolean
  answered(answer: ReceivedAnswer): void
  failed(failure: Failure, cause: Error): void
}
