import type { Steps } from '../patterns/backtrack.ts'
import type { Required } from '../patterns/required.ts'

/** What an operator may ask of the request beside the value. */
export type Surroundings = {
  readonly steps: Steps
  /** Puts values in the place of `%{…}`. */
  expand(macro: Macro): string
  /** ISO 3166-1 alpha-2 of the source; empty: not known. */
  readonly country: string
  /** Sets what `GEO` has. */
  locate(country: string): void
}

/** A text with places that are filled in at each request. */
export type Macro = {
  readonly parts: readonly (string | { readonly variable: string; readonly key: string | null })[]
  /** The text, where nothing has to be filled in. */
  readonly fixed: string | null
}

/** The whole match, then its captures. */
export type Matched = readonly (string | undefined)[]

/** A compiled operator. */
export interface Match {
  /** What a text must have for it to match, one of these; null: any text may. */
  readonly required: readonly Required[] | null
  /** What it compares with, where that changes with each request. */
  readonly macro?: Macro
  /** The same operator, where what it compares with is this text for every request; null: it can't be read as one. */
  readonly settled?: (text: string) => Match | null
  /** Whether it asks more than the text. */
  readonly isOfRequest?: boolean
  /** A text matches as soon as it has one of the required literals. */
  readonly isDecidedByLiterals?: boolean
  /** @param captures whether somebody asks what matched @throws OutOfSteps */
  match(text: string, around: Surroundings, captures: boolean): Matched | null
}

/** Of an operator that captures nothing. */
export const YES: Matched = []
