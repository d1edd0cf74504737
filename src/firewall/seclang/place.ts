/** Where something stands in a file; line and column are counted from 1. */
export type Place = { readonly file: string; readonly line: number; readonly column: number }

/** What is wrong with a ruleset, at the place where it is to be mended. */
export type RulesetFault = Place & {
  readonly severity: 'error' | 'warning'
  readonly code: string
  readonly message: string
}

/** One file of a ruleset, its bytes as Latin-1 or UTF-8 text. */
export type RulesetFile = { readonly path: string; readonly text: string }

/** A fault that ends the reading of one directive. */
export class SyntaxFault extends Error {
  readonly place: Place
  readonly code: string
  constructor(place: Place, code: string, message: string) {
    super(message)
    this.place = place
    this.code = code
  }
}
