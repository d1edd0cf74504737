import type { Answered } from './answers.ts'
import type { Crossing, KeyedRequest, TransferCommand } from './commands.ts'
import type { CreditLine, Entry, Exchange, Operation, Resolution, Transfer, WithdrawalEnd } from './model.ts'

export type StoredAnswer = { readonly request: KeyedRequest; readonly answer: Answered }
export type NewResolution = Resolution & { readonly hold: string; readonly by: string }
export type NewOperation = Pick<Operation, 'id' | 'member' | 'transfer'> & { readonly request: KeyedRequest }
export type NewState = Pick<Operation, 'version' | 'state' | 'reason'> & { readonly operation: string }

/** What the batch adds to the store in one shard, each in the order it was decided. */
export type Writes = {
  readonly transfers: Transfer[]
  readonly entries: Entry[]
  readonly resolutions: NewResolution[]
  readonly reversals: { readonly original: string; readonly transfer: string }[]
  readonly withdrawalEnds: (WithdrawalEnd & { readonly withdrawal: string })[]
  readonly operations: NewOperation[]
  readonly states: NewState[]
  readonly answers: StoredAnswer[]
  readonly accepted: TransferCommand[]
  readonly done: string[]
  readonly crossings: Crossing[]
  readonly arrivals: string[]
  readonly creditLines: CreditLine[]
  readonly exchanges: Exchange[]
  readonly completed: string[]
  /** Transfers on which a review's decision was carried out, or came to nothing. */
  readonly decided: string[]
}

/** Whether there is anything in them. */
export function isFilled(writes: Writes): boolean {
  return Object.values(writes).some((added) => added.length > 0)
}

export function nothingWritten(): Writes {
  return {
    transfers: [],
    entries: [],
    resolutions: [],
    reversals: [],
    withdrawalEnds: [],
    operations: [],
    states: [],
    answers: [],
    accepted: [],
    done: [],
    crossings: [],
    arrivals: [],
    creditLines: [],
    exchanges: [],
    completed: [],
    decided: [],
  }
}
